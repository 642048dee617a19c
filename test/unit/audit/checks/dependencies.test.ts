/** Numbers of objects are unique within one catalog only: a dependency is looked up by catalog and number. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const CHECKS = fileURLToPath(new URL("../../../../src/audit/checks/", import.meta.url));

const sources = readdirSync(CHECKS, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => ({ file, text: readFileSync(join(CHECKS, file), "utf8") }))
  .filter(({ text }) => /\bpg_(sh)?depend\b\s+as\b/.test(text));

describe("every question to pg_depend and pg_shdepend", () => {
  it("is found by this test", () => {
    expect(sources.length).toBeGreaterThan(1);
  });

  it.each(sources)("names the catalog beside the number: $file", ({ text }) => {
    const aliases = [...text.matchAll(/\bpg_(?:sh)?depend\s+as\s+(\w+)/g)].map(([, alias = ""]) => alias);
    for (const alias of aliases) {
      for (const side of ["obj", "refobj"]) {
        if (!text.includes(`${alias}.${side}id`)) continue;
        expect(text, `${alias}.${side}id`).toContain(`${alias}.${side.replace("obj", "class")}id`);
      }
    }
  });
});
