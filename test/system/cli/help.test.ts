/** Help: there for every command, narrow, quick, and with examples that the program itself accepts. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { locateCommand, parseCommand } from "../../../src/cli/arguments.ts";
import { flagsOf } from "../../../src/cli/global-flags.ts";
import type { CommandEntry, Manifest } from "../../../src/cli/manifest.ts";
import { codeReadBy } from "../../support/code-reads.ts";
import { BIN, pgkeep, REPOSITORY } from "../../support/pgkeep.ts";

const manifest: Manifest = JSON.parse(readFileSync(join(REPOSITORY, "dist/cli/manifest.json"), "utf8"));
const commands: [string, CommandEntry][] = manifest.commands.pgkeep.map((command) => [command.words, command]);
const MAX_COLUMNS = 100;
/** A fortieth of the whole, which Node compiles in the time that it takes to start. */
const MOST_CODE_BYTES = 90_000;

const tooWide = (text: string): string[] => text.split("\n").filter((line) => [...line].length > MAX_COLUMNS);

/** A line as a shell would split it; quotes only, as examples use. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([all, a, b]) => a ?? b ?? all);

describe("help", () => {
  it.each(commands)("of %s is at most 100 columns wide and lists every flag", async (name, command) => {
    const { status, stdout, stderr } = await pgkeep([...name.split(" "), "--help"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(tooWide(stdout)).toEqual([]);
    expect(stdout.startsWith(`${command.summary}\n`)).toBe(true);
    for (const { name: flag, hidden } of flagsOf(command, "pgkeep")) if (!hidden) expect(stdout).toContain(`--${flag}`);
    for (const code of command.exitCodes) expect(stdout).toMatch(new RegExp(`^ {2}${code} `, "m"));
    expect(stdout).not.toMatch(/see docs\/reference\/exit-codes/);
  });

  it.each(commands)("of %s has examples that parse", (_, command) => {
    expect(command.examples.length).toBeGreaterThan(0);
    for (const { line } of command.examples) {
      const own = /(?:^|\$\()pgkeep ([^)|>]*)/.exec(line)?.[1] ?? "";
      const located = locateCommand(words(own), manifest.commands.pgkeep);
      expect(located.command, line).toBeDefined();
      if (located.command) expect(() => parseCommand(located.command ?? command, located.rest, "pgkeep")).not.toThrow();
    }
  });

  it("of a group lists its commands, and of the program all of them", async () => {
    const group = await pgkeep(["db"]);
    for (const [name] of commands.filter(([name]) => name.startsWith("db ")))
      expect(group.stdout).toContain(`pgkeep ${name}`);
    const all = await pgkeep(["--help"]);
    for (const [name] of commands) expect(all.stdout).toContain(`  ${name} `);
    expect(tooWide(all.stdout)).toEqual([]);
  });

  it("is the same as `help` and knows no unknown command", async () => {
    expect((await pgkeep(["help", "deploy"])).stdout).toBe((await pgkeep(["deploy", "--help"])).stdout);
    expect((await pgkeep(["help", "nothing"])).status).toBe(2);
  });

  it("is not -h, which is the host", async () => {
    expect(await pgkeep(["deploy", ".", "-h"])).toEqual({
      status: 2,
      stdout: "",
      stderr: "-h is the host here; use --help\n",
    });
  });

  it("without a command is 20 lines that say how to start", async () => {
    const { status, stdout } = await pgkeep([]);
    expect(status).toBe(0);
    expect(stdout.trimEnd().split("\n").length).toBeLessThanOrEqual(20);
    for (const line of stdout.match(/(?<=^ {2})pgkeep [a-z]+ [^ ]+/gm) ?? [])
      expect(locateCommand(words(line).slice(1, 2), manifest.commands.pgkeep)).toBeDefined();
  });
});

describe("starting", () => {
  it.each([["--version"], ["version"], ["deploy --help"], ["help deploy"]])(
    "for %s reads no more of the program's code than it needs to start",
    (line) => {
      const code = codeReadBy(line.split(" "));
      expect(code.length).toBeGreaterThan(0);
      expect(code.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(MOST_CODE_BYTES);
    },
  );

  it.each([["--version"], ["deploy --help"], ["explain DEPLOY_LOCKED"], ["nothing"]])(
    "for %s loads no package",
    (line) => {
      const listing =
        "data:text/javascript,import{register}from'node:module';register('data:text/javascript,'+encodeURIComponent(\"export async function load(url,context,next){if(url.includes('node_modules'))console.error('LOADED '+url);return next(url,context)}\"));";
      const { stderr } = spawnSync(process.execPath, ["--import", listing, BIN, ...line.split(" ")], {
        encoding: "utf8",
      });
      expect(stderr).not.toContain("LOADED");
    },
  );
});
