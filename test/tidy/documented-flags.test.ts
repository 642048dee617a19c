/**
 * Commands and flags that the documents show exist, with the command they are shown with; every operation's command is
 * in the reference. Reads the command table of the last build.
 */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { flagsOf, LEADING_FLAGS } from "../../src/cli/global-flags.ts";
import type { CommandEntry, Manifest } from "../../src/cli/manifest.ts";
import { filesBelow, read, withoutComments } from "./repository.ts";

const TABLE = "dist/cli/manifest.json";
const manifest: Manifest = existsSync(TABLE) ? JSON.parse(read(TABLE)) : { commands: { pgkeep: [], pgmi: [] } };
const commands = manifest.commands.pgkeep;
const PAGES = ["README.md", "CHANGELOG.md", "SECURITY.md", ...filesBelow("docs", ".md")];

/** Flags of npm that pages name. */
const NPM = new Set(["omit", "ignore-scripts"]);

/** Every way a page writes a command: lines of blocks, and code in the running text. */
function commandLines(page: string): string[] {
  const blocks = [...page.matchAll(/^ *```(?:sh|text|yaml|console)\n([\s\S]*?)^ *```$/gm)].map(
    (match) => match[1] ?? "",
  );
  const prose = page.replace(/^ *```[\s\S]*?^ *```$/gm, "");
  const spans = [...prose.matchAll(/`(pgkeep [^`]+)`/g)].map((match) => match[1] ?? "");
  const lines = blocks.flatMap((block) => block.replaceAll("\\\n", " ").split("\n"));
  return [...spans, ...lines]
    .flatMap((line) => line.split(/\s*(?:\|\||&&|;|\||>)\s*/))
    .map((line) => line.trim().replace(/^(\$ |- )?(npx )?/, ""))
    .filter((line) => line.startsWith("pgkeep ") && !line.startsWith("pgkeep: "));
}

function commandOf(words: string[]): CommandEntry | undefined {
  return [2, 1].flatMap((count) => commands.filter((one) => one.words === words.slice(0, count).join(" ")))[0];
}

function mistakesIn(line: string): string[] {
  const words = line.split(/\s+/).slice(1);
  if (words[0]?.startsWith("-") || words[0] === "pgmi" || words[0] === "pg-tide") return [];
  const group = commands.some((one) => one.words.startsWith(`${words[0]} `));
  const command = commandOf(words);
  if (command === undefined) return group && words.length === 1 ? [] : [`no such command: ${line}`];
  const flags = new Set([...flagsOf(command, "pgkeep"), ...LEADING_FLAGS].map(({ name }) => name));
  const used = words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.slice(2).split("=")[0] ?? "");
  return used.filter((name) => !flags.has(name)).map((name) => `"${command.words}" has no --${name}: ${line}`);
}

describe("commands in the documents", () => {
  it("are compared with a command table", () => {
    expect(commands.length, "run: npm run build").toBeGreaterThan(3);
  });

  it.each(PAGES)("%s shows only commands and flags that exist", (path) => {
    expect(commandLines(read(path)).flatMap(mistakesIn)).toEqual([]);
  });

  it.each(PAGES)("%s names only flags that some command has", (path) => {
    const known = new Set(
      [...commands.flatMap((one) => flagsOf(one, "pgkeep")), ...LEADING_FLAGS].map(({ name }) => name),
    );
    const prose = read(path).replace(/^ *```[\s\S]*?^ *```$/gm, "");
    const named = [...prose.matchAll(/`(--[a-z][a-z-]*)[^`=]*(?:=[^`]*)?`/g)].map((match) => (match[1] ?? "").slice(2));
    expect([...new Set(named)].filter((name) => !known.has(name) && !NPM.has(name))).toEqual([]);
  });
});

describe("commands in messages", () => {
  it("exist: a hint never sends anybody to a command that is not there", () => {
    const planned = ["access", "audit", "console", "lint", "quickstart", "relay", "runs"];
    const first = new Set([...commands.map(({ words }) => words.split(" ")[0] ?? ""), ...planned]);
    const groups = new Set(commands.filter(({ words }) => words.includes(" ")).map(({ words }) => words.split(" ")[0]));
    const wrong = filesBelow("src", ".ts").flatMap((path) =>
      [...withoutComments(read(path)).matchAll(/\bpgkeep ([a-z]+)(?: ([a-z]+))?/g)]
        .map(([line, one = "", two = ""]) => ({ line, one, two }))
        .filter(({ one }) => first.has(one))
        .filter(({ one, two }) => commandOf([one, two]) === undefined && !(groups.has(one) && two === ""))
        .map(({ line }) => `${path}: ${line}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("the command table", () => {
  it("explains every flag", () => {
    const silent = commands.flatMap((one) => one.flags.filter(({ description }) => description.length < 8));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it("gives every command an example that it accepts", () => {
    for (const command of commands.filter(({ operation }) => operation)) {
      expect(command.examples.length, command.words).toBeGreaterThan(0);
      expect(command.examples.flatMap(({ line }) => (line.startsWith("pgkeep ") ? mistakesIn(line) : []))).toEqual([]);
    }
  });
});
