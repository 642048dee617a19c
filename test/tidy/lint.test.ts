/**
 * The lint rules that hold the architecture really fire.
 *
 * A rule that is misspelled, or whose pattern matches nothing, is silent. So each one meets a file that breaks it, in
 * a throw-away copy of the tree's shape with the real configuration.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const BIOME = join(process.cwd(), "node_modules/@biomejs/biome/bin/biome");

interface Diagnostic {
  category: string;
  location: { path: string | { file: string } };
}

/** File -> rules that must be reported in it. An empty list: the file is right and must stay unreported. */
const CASES: Record<string, { source: string; rules: string[] }> = {
  "src/base/imports-config.ts": { source: `export * from "../config/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/config/imports-net.ts": { source: `export * from "../net/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/net/imports-pg.ts": { source: `export * from "../pg/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/pg/imports-deploy.ts": { source: `export * from "../deploy/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/deploy/imports-operation.ts": {
    source: `export * from "../operations/fine.ts";`,
    rules: ["noRestrictedImports"],
  },
  "src/deploy/script/imports-cli.ts": { source: `export * from "../../cli/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/deploy/imports-lazily.ts": {
    source: `export const later = () => import("../cli/fine.ts");`,
    rules: ["noRestrictedImports"],
  },
  "src/operations/imports-cli.ts": { source: `export * from "../cli/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/mcp/imports-cli.ts": { source: `export * from "../cli/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/cli/starts-mcp.ts": { source: `export const later = () => import("../mcp/fine.ts");`, rules: [] },
  "src/relay/imports-audit.ts": { source: `export * from "../audit/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/access/imports-audit.ts": { source: `export * from "../audit/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/audit/imports-access.ts": { source: `export * from "../access/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/audit/imports-relay.ts": { source: `export * from "../relay/fine.ts";`, rules: ["noRestrictedImports"] },
  "src/audit/imports-down.ts": { source: `export * from "../pg/fine.ts";`, rules: [] },
  "src/deploy/imports-driver.ts": {
    source: `export const driver = () => import("pg");`,
    rules: ["noRestrictedImports"],
  },
  "src/pg/imports-driver.ts": { source: `export const driver = () => import("pg");`, rules: [] },
  "src/deploy/imports-down.ts": { source: `export * from "../pg/fine.ts";`, rules: [] },
  "src/deploy/script/imports-beside.ts": { source: `export * from "../project/fine.ts";`, rules: [] },
  "src/pg/reads-environment.ts": { source: `export const home = process.env.HOME;`, rules: ["noProcessEnv"] },
  "src/config/environment.ts": { source: `export const home = process.env.HOME;`, rules: [] },
  "src/pg/prints.ts": { source: `console.log("x");`, rules: ["noConsole"] },
  "src/cli/prints.ts": { source: `console.log("x");`, rules: [] },
  "src/base/any.ts": { source: `export const parse = (text: any) => text;`, rules: ["noExplicitAny"] },
  "src/base/bang.ts": {
    source: `export const first = (list: string[]) => list[0]!.length;`,
    rules: ["noNonNullAssertion"],
  },
  "src/base/floating.ts": {
    source: `async function work(): Promise<void> {}\nexport function start(): void {\n  work();\n}`,
    rules: ["noFloatingPromises"],
  },
  "src/base/misused.ts": {
    source: `async function ready(): Promise<boolean> {\n  return true;\n}\nexport const go = () => {\n  if (ready()) return 1;\n  return 2;\n};`,
    rules: ["noMisusedPromises"],
  },
  "src/base/cycle-a.ts": { source: `export * from "./cycle-b.ts";`, rules: ["noImportCycles"] },
  "src/base/cycle-b.ts": { source: `export * from "./cycle-a.ts";`, rules: ["noImportCycles"] },
};

const LAYERS = [
  "base",
  "config",
  "net",
  "pg",
  "deploy",
  "access",
  "relay",
  "audit",
  "operations",
  "cli",
  "mcp",
  "deploy/project",
];

let folder: string;
const reported = new Map<string, Set<string>>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pgkeep-lint-"));
  const configuration = JSON.parse(readFileSync("biome.json", "utf8"));
  // The throw-away folder is no repository.
  configuration.vcs = { enabled: false };
  delete configuration.$schema;
  const files: Record<string, string> = { "biome.json": JSON.stringify(configuration) };
  for (const layer of LAYERS) files[`src/${layer}/fine.ts`] = "export const fine = 1;";
  for (const [path, { source }] of Object.entries(CASES)) files[path] = `${source}\n`;
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const diagnostics = await lint();
  for (const { category, location } of diagnostics) {
    const path = typeof location.path === "string" ? location.path : location.path.file;
    const rules = reported.get(path) ?? new Set();
    rules.add(category.split("/").at(-1) ?? category);
    reported.set(path, rules);
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function lint(): Promise<Diagnostic[]> {
  const command = [BIOME, "lint", "--reporter=json", "--max-diagnostics=none", "."];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: folder }).catch((error) => error);
  return JSON.parse(stdout).diagnostics;
}

describe("the lint configuration", () => {
  it.each(Object.entries(CASES))("%s", (path, { rules }) => {
    const watched = new Set(Object.values(CASES).flatMap((one) => one.rules));
    const found = [...(reported.get(path) ?? [])].filter((rule) => watched.has(rule));
    expect(found).toEqual(rules);
  });
});
