/** The grammar's other two faces: the schema that editors use, and the page that people read. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { FILE_KEYS, modelFileSchema } from "../../../../src/access/model/grammar.ts";
import { readModel } from "../../../../src/access/model/read.ts";
import { failureOf } from "../../../support/project.ts";

const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(modelFileSchema());
const fits = (text: string): boolean => validate(parse(text));
const isRead = async (text: string): Promise<boolean> => {
  try {
    await readModel(text, { file: "m" });
    return true;
  } catch {
    return false;
  }
};

const HEAD = "version: 1\ndatabase: shop\n";

describe("the schema of model files", () => {
  it.each([
    HEAD,
    `${HEAD}profile: three-tier\nnames: { application: [a, b], schema: app }`,
    `${HEAD}roles: { a: { login: true, password: "\${env:A}", valid_until: 2027-06-30, member_of: [b, { role: c, set: false }], settings: { work_mem: 5 } }, b: {}, c: ~ }`,
    `${HEAD}roles: { a: {} }\ndatabase_acl: { revoke_public: true, connect: [a, { role: a, grantable: true }] }`,
    `${HEAD}roles: { a: {} }\nschemas: { x: { revoke_public: [usage], grants: [{ to: a, usage: true, tables: all, columns: { t: { select: [id] } } }], exceptions: [{ table: t, columns: { a: { select: id } } }] } }`,
    `${HEAD}objects: { large_objects: [{ on: 70001, revoke_public: true }] }`,
  ])("takes what the reader takes: %j", async (text) => {
    expect(fits(text), JSON.stringify(validate.errors)).toBe(true);
    expect(await isRead(text)).toBe(true);
  });

  it.each([
    "database: shop",
    `${HEAD}rolls: {}`,
    `${HEAD}roles: { a: { login: yes please } }`,
    `${HEAD}roles: { a: { login: true, password: hunter2hunter2 } }`,
    `${HEAD}roles: { a: {} }\nschemas: { x: { grants: [{ to: a, tables: [usage] }] } }`,
    `${HEAD}schemas: { x: { grants: [{ usage: true }] } }`,
    `${HEAD}mode: strict`,
  ])("refuses what the reader refuses: %j", async (text) => {
    expect(fits(text)).toBe(false);
    expect((await failureOf(() => readModel(text, { file: "m" }))).code).toBe("ACCESS_MODEL_INVALID");
  });

  it("describes every key", () => {
    const missing = JSON.stringify(modelFileSchema()).match(/"description":""/g);
    expect(missing).toBeNull();
  });
});

describe("docs/reference/access-model.md", () => {
  const page = readFileSync(
    fileURLToPath(new URL("../../../../docs/reference/access-model.md", import.meta.url)),
    "utf8",
  );

  it.each(Object.keys(FILE_KEYS))("explains %s", (key) => {
    expect(page).toContain(`| \`${key}\``);
  });
});
