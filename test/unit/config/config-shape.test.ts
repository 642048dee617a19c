/** The JSON schemas accept what the program accepts, because both come from one table. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type ConfigShape, jsonSchemaOf } from "../../../src/config/config-shape.ts";
import { PGKEEP_SHAPE } from "../../../src/config/pgkeep-yaml.ts";
import { PGMI_SHAPE } from "../../../src/config/pgmi-yaml.ts";

/** A validator that an implementation of JSON schema which is not ours made. */
function validatorOf(shape: ConfigShape): (document: unknown) => boolean {
  // Its type wants literal types of its own; what it reads is checked by running it.
  const schema = z.fromJSONSchema(JSON.parse(JSON.stringify(jsonSchemaOf(shape, about))));
  return (document) => schema.safeParse(document).success;
}

const about = { title: "t", description: "d" };

describe("the schema of pgmi.yaml", () => {
  const validate = validatorOf(PGMI_SHAPE);

  it.each([
    [{}],
    [null],
    [{ connection: null, params: null }],
    [
      {
        connection: { host: "x", port: 5432, sslmode: "require" },
        params: { a: 5, b: true, c: null },
        timeout: "1h30m",
      },
    ],
    [{ timeout: 0 }],
  ])("accepts %j", (document) => expect(validate(document)).toBe(true));

  it.each([
    [{ conection: {} }],
    [{ connection: { password: "x" } }],
    [{ connection: { port: 0 } }],
    [{ connection: { sslmode: "on" } }],
    [{ params: { a: [1] } }],
    [{ timeout: 3 }],
    [{ timeout: "3" }],
  ])("refuses %j", (document) => expect(validate(document)).toBe(false));
});

describe("the schema of pgkeep.yaml", () => {
  const validate = validatorOf(PGKEEP_SHAPE);

  it("knows places, and no places inside places", () => {
    expect(
      validate({ database: "embedded", env: { staging: { connection: { host: "x" }, strict_secrets: true } } }),
    ).toBe(true);
    expect(validate({ env: { staging: { env: {} } } })).toBe(false);
    expect(validate({ database: "shop" })).toBe(false);
  });

  it("knows lists and pairs", () => {
    expect(validate({ audit: { projects: ["a", "b"], separations: [["a", "b"]], backup: "x" } })).toBe(true);
    expect(validate({ audit: { projects: "a" } })).toBe(false);
    expect(validate({ audit: { separations: [["a"]] } })).toBe(false);
    expect(validate({ audit: { separations: ["a"] } })).toBe(false);
  });

  it("describes every key", () => {
    const undescribed = JSON.stringify(jsonSchemaOf(PGKEEP_SHAPE, about)).match(/"description":""/g);
    expect(undescribed).toBeNull();
  });
});
