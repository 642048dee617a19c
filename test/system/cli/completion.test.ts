/** Completion scripts, loaded and asked in the shells they are for. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { needs } from "../../support/needs.ts";
import { pgkeep } from "../../support/pgkeep.ts";

const folder = mkdtempSync(join(tmpdir(), "pgkeep-completion-"));
const script = (shell: string, program = "pgkeep"): string => join(folder, `${program}.${shell}`);

beforeAll(async () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const { status, stdout } = await pgkeep(["completion", shell]);
    expect(status).toBe(0);
    writeFileSync(script(shell), stdout);
  }
  writeFileSync(script("bash", "pgmi"), (await pgkeep(["pgmi", "completion", "bash"])).stdout);
});
afterAll(() => rmSync(folder, { recursive: true }));

const quoted = (line: string): string =>
  line
    .split(" ")
    .map((word) => `'${word}'`)
    .join(" ");

/** Asks a shell for candidates of `line`, whose last word is being typed. */
const ASK: Readonly<Record<string, (line: string, program: string) => string[]>> = {
  bash: (line, program) => [
    "--noprofile",
    "--norc",
    "-c",
    `source '${script("bash", program)}'; COMP_WORDS=(${quoted(line)}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _${program}_complete; printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  zsh: (line, program) => [
    "-f",
    "-c",
    // compadd works only inside the line editor; what it is given is what the shell would offer.
    `autoload -Uz compinit; compinit -D -u; source '${script("zsh")}'; [[ \${_comps[pgkeep]} = _${program} ]] || exit 9; compadd() { shift; print -l -- \${(P)1}; }; _files() { }; words=(${quoted(line)}); CURRENT=\${#words}; _${program}`,
  ],
  fish: (line) => [
    "--no-config",
    "-c",
    `source '${script("fish")}'; complete -C '${line}' | string replace -r '\\t.*' ''; true`,
  ],
};

function candidates(shell: string, line: string, program = "pgkeep"): string[] {
  const { status, stdout, stderr } = spawnSync(shell, ASK[shell]?.(line, program) ?? [], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.split("\n").filter((word) => word !== "");
}

for (const shell of ["bash", "zsh", "fish"]) {
  describe(`completion in ${shell}`, () => {
    beforeEach(needs(existsSync(`/usr/bin/${shell}`), `${shell} is not installed`));

    it.each([
      ["pgkeep ", ["deploy", "db", "explain", "completion"]],
      ["pgkeep db ", ["start", "stop"]],
      ["pgkeep deploy . --ss", ["--sslmode", "--sslcert"]],
      ["pgkeep deploy . --format ", ["human", "json", "junit"]],
      ["pgkeep explain DEPLOY_LOC", ["DEPLOY_LOCKED"]],
      ["pgkeep completion ", ["bash", "zsh", "fish", "powershell"]],
      ["pgkeep ai skill ", ["tests", "parameters"]],
    ])("offers after `%s` what can stand there", (line, offered) => {
      expect(candidates(shell, line)).toEqual(expect.arrayContaining(offered));
    });

    it("offers no flag of another command", () => {
      expect(candidates(shell, "pgkeep explain --")).not.toContain("--overwrite");
    });
  });
}

describe("completion", () => {
  it("[TL-09] of the reference's name knows the reference's commands", () => {
    const offered = candidates("bash", "pgmi ", "pgmi");
    expect(offered).toEqual(expect.arrayContaining(["deploy", "init", "info", "metadata", "templates", "serve", "ai"]));
    expect(offered).not.toContain("doctor");
  });

  it("takes one of four shells, else ends with 2", async () => {
    expect((await pgkeep(["completion", "csh"])).status).toBe(2);
    expect((await pgkeep(["completion"])).status).toBe(2);
  });

  it("for PowerShell closes what it opens", async () => {
    const { stdout } = await pgkeep(["completion", "powershell"]);
    const count = (pattern: RegExp): number => stdout.match(pattern)?.length ?? 0;
    expect(count(/\{/g)).toBe(count(/\}/g));
    expect(count(/\(/g)).toBe(count(/\)/g));
    expect(stdout).toContain("Register-ArgumentCompleter -Native -CommandName pgkeep");
  });
});
