/** What commands print as JSON is what their schemas promise, keys and all. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Manifest } from "../../../src/cli/manifest.ts";
import { loadOperation } from "../../../src/operations/call.ts";
import { pgkeep, REPOSITORY } from "../../support/pgkeep.ts";
import { temporaryDirectory, temporaryProject } from "../../support/project.ts";
import { schemaProblems } from "../../support/schemas.ts";

const manifest: Manifest = JSON.parse(readFileSync(join(REPOSITORY, "dist/cli/manifest.json"), "utf8"));

/** Commands that need no server, with arguments that let them succeed. NEW and PROJECT are directories. */
const OFFLINE: Record<string, string[]> = {
  ai: [],
  "ai client": ["go"],
  "ai check": [],
  "ai contract": [],
  "ai setup": ["--assistant", "agents", "--dry-run"],
  "ai skill": ["tests"],
  "ai skills": [],
  "config schema": [],
  "config show": [],
  "config validate": ["PROJECT"],
  "db status": [],
  doctor: ["PROJECT", "-d", "x", "-h", "127.0.0.1", "-p", "1"],
  explain: ["DEPLOY_LOCKED"],
  info: ["PROJECT"],
  init: ["NEW"],
  "metadata plan": ["PROJECT"],
  "metadata scaffold": ["PROJECT"],
  "metadata validate": ["PROJECT"],
  plan: ["PROJECT"],
  "templates describe": ["basic"],
  "templates list": [],
  version: [],
};

const cases = manifest.commands.pgkeep.flatMap(({ words, operation, json }) =>
  operation !== undefined && OFFLINE[words] ? [{ words, operation, json, given: OFFLINE[words] }] : [],
);

/** snake_case, except in documents that had their own keys before. */
function keysOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [key, ...keysOf(item)]);
}

describe("the JSON of", () => {
  it("has all offline commands below", () => {
    expect(cases.map(({ words }) => words).sort()).toEqual(Object.keys(OFFLINE).sort());
  });

  it.each(cases)("$words follows its schema", async ({ words, operation, json, given }) => {
    using project = temporaryProject({ "a.sql": "select 1;" });
    using folder = temporaryDirectory();
    const places: Record<string, string> = { PROJECT: project.path, NEW: folder.at("new") };
    const line = [...words.split(" "), ...given.map((word) => places[word] ?? word), "--json"];
    const { stdout, status } = await pgkeep(line, { cwd: folder.path });
    const document = JSON.parse(stdout);
    const definition = await loadOperation(operation);
    const data = json === "bare" ? document : document.data;
    const parsed = definition.output(z).safeParse(data);
    expect(parsed.error?.issues ?? []).toEqual([]);
    expect(schemaProblems(operation, data)).toEqual([]);
    if (json === "envelope") {
      expect(schemaProblems("envelope", document)).toEqual([]);
      expect(document).toMatchObject({ command: words, ok: true, exit_code: status, error: null });
      if (words !== "config schema") for (const key of keysOf(data)) expect(key).not.toMatch(/[A-Z]/);
    }
  });
});
