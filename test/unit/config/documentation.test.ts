/** The examples of the configuration page are read by the program without complaint, and say what the page says. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { ConfigShape } from "../../../src/config/config-shape.ts";
import { parseDotenv } from "../../../src/config/dotenv.ts";
import { PGKEEP_SHAPE } from "../../../src/config/pgkeep-yaml.ts";
import { PGMI_SHAPE } from "../../../src/config/pgmi-yaml.ts";
import { readStrictYaml } from "../../../src/config/strict-yaml.ts";
import { parseParamsFile } from "../../../src/deploy/parameters/params-file.ts";

const PAGE = readFileSync(fileURLToPath(new URL("../../../docs/reference/configuration.md", import.meta.url)), "utf8");

/** The first example below a heading. */
function example(heading: string): string {
  const section = PAGE.split(/^## /m).find((text) => text.startsWith(heading)) ?? "";
  return /```\w*\n([\s\S]*?)```/.exec(section)?.[1] ?? "";
}

describe("docs/reference/configuration.md", () => {
  it.each<[string, ConfigShape, number]>([
    ["pgmi.yaml", PGMI_SHAPE, 14],
    ["pgkeep.yaml", PGKEEP_SHAPE, 16],
  ])("has an example of %s that is valid", async (heading, shape, entries) => {
    expect(await readStrictYaml(example(heading), heading, shape)).toHaveLength(entries);
  });

  it("names every key that pgmi.yaml has", () => {
    const keys = [...Object.keys(PGMI_SHAPE), ...Object.keys(PGMI_SHAPE.connection?.keys ?? {})];
    expect(keys.filter((key) => !PAGE.includes(key))).toEqual([]);
  });

  it("has an example of .env that means what it seems to", () => {
    expect(Object.fromEntries(parseDotenv(example(".env")))).toEqual({
      PGHOST: "db.example.com",
      PGUSER: "shop_owner",
      PGAPPNAME: "deploy of shop_owner",
      SINGLE: "no $expansion here",
    });
  });

  it("has an example of a params file that means what it says", () => {
    expect(parseParamsFile(example("Parameters"), "x").map(({ key, value }) => [key, value])).toEqual([
      ["env", "staging"],
      ["app_password", "v # this is part of the value"],
      ["quoted", " one pair of quotes around everything is taken away "],
    ]);
  });
});
