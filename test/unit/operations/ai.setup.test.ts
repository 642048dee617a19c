/** Instructions for assistants: where they go, what is kept, and what is never written to. */
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import check from "../../../src/operations/ai.check.ts";
import setup from "../../../src/operations/ai.setup.ts";
import { stateOf, withText } from "../../../src/operations/assistant/managed-text.ts";
import { ASSISTANT_NAMES, placesOf } from "../../../src/operations/assistant/places.ts";
import { setupText } from "../../../src/operations/assistant/setup-text.ts";
import { runOperation } from "../../support/operation.ts";
import { failureOf, type TemporaryDirectory, temporaryDirectory } from "../../support/project.ts";

const runSetup = (folder: TemporaryDirectory, input: Parameters<typeof setup.run>[0], more = {}) =>
  runOperation(setup, input, { workingDirectory: folder.path, environment: { HOME: folder.at("home") }, ...more });
const runCheck = (folder: TemporaryDirectory, input: Parameters<typeof check.run>[0] = {}) =>
  runOperation(check, input, { workingDirectory: folder.path, environment: { HOME: folder.at("home") } });

function actions({ output }: Awaited<ReturnType<typeof runSetup>>): Record<string, string> {
  return Object.fromEntries(output.files.map(({ path, action }) => [path, action]));
}
function states({ output }: Awaited<ReturnType<typeof runCheck>>): Record<string, string> {
  return Object.fromEntries(output.files.map(({ path, state }) => [path, state]));
}

const SKILL = ".claude/skills/pgkeep/SKILL.md";
const CLAUDE = { assistant: "claude" };
const OLD = { text: "an older text", version: "0.0.1" };

/** What an earlier version would have left. */
function writeOld(folder: TemporaryDirectory, assistant: string, around = ""): string {
  const [place] = placesOf([assistant], false);
  if (!place) throw new Error("no place");
  mkdirSync(dirname(folder.at(place.path)), { recursive: true });
  writeFileSync(folder.at(place.path), withText(place, around || undefined, OLD));
  return place.path;
}

describe("ai setup", () => {
  it.each(ASSISTANT_NAMES)("writes what %s reads, and finds nothing to do the second time", async (assistant) => {
    using folder = temporaryDirectory();
    const first = await runSetup(folder, { assistant });
    expect(Object.values(actions(first))).toEqual(["created"]);
    const [path = ""] = Object.keys(actions(first));
    expect(readFileSync(folder.at(path), "utf8")).toContain(setupText());
    expect(statSync(folder.at(path)).mode & 0o777).toBe(0o644);
    expect(Object.values(actions(await runSetup(folder, { assistant })))).toEqual(["unchanged"]);
    const checked = await runCheck(folder, { assistant });
    expect([Object.values(states(checked)), checked.exitCode]).toEqual([["current"], 0]);
  });

  it("puts the header that an assistant wants first in the file", async () => {
    using folder = temporaryDirectory();
    await runSetup(folder, CLAUDE);
    expect(readFileSync(folder.at(SKILL), "utf8")).toMatch(/^---\nname: pgkeep\ndescription: ".+"\n---\n/);
  });

  it("replaces only its own section of a file that others use, mode and all", async () => {
    using folder = temporaryDirectory({ "AGENTS.md": "# Ours\r\n\r\nbe kind\r\n" });
    writeFileSync(folder.at("AGENTS.md"), readFileSync(folder.at("AGENTS.md")), { mode: 0o600 });
    writeOld(folder, "agents", "# Ours\n\nbe kind\n");
    writeFileSync(folder.at("AGENTS.md"), `${readFileSync(folder.at("AGENTS.md"), "utf8")}\n# After\n`);
    expect(actions(await runSetup(folder, { assistant: "agents" }))).toEqual({ "AGENTS.md": "updated" });
    const text = readFileSync(folder.at("AGENTS.md"), "utf8");
    expect(text.startsWith("# Ours\n\nbe kind\n\n<!-- pgkeep ")).toBe(true);
    expect(text.endsWith("<!-- /pgkeep -->\n\n# After\n")).toBe(true);
    expect(text).not.toContain("an older text");
    expect(text.match(/<!-- pgkeep /g)).toHaveLength(1);
  });

  it("leaves a text changed by hand alone and ends with 1; --force replaces it", async () => {
    using folder = temporaryDirectory();
    await runSetup(folder, CLAUDE);
    const edited = readFileSync(folder.at(SKILL), "utf8").replace("pgkeep plan .", "pgkeep plan ./shop");
    writeFileSync(folder.at(SKILL), edited);
    const refused = await runSetup(folder, CLAUDE);
    expect([actions(refused), refused.exitCode]).toEqual([{ [SKILL]: "left_alone" }, 1]);
    expect(readFileSync(folder.at(SKILL), "utf8")).toBe(edited);
    const forced = await runSetup(folder, { ...CLAUDE, force: true });
    expect([actions(forced), forced.exitCode]).toEqual([{ [SKILL]: "updated" }, 0]);
  });

  it("takes a file of the same name that it did not write for somebody's own", async () => {
    using folder = temporaryDirectory({ [SKILL]: "my own\n" });
    expect(actions(await runSetup(folder, CLAUDE))).toEqual({ [SKILL]: "left_alone" });
  });

  it("writes each shared file once with --all, and nothing with --dry-run", async () => {
    using folder = temporaryDirectory();
    const dry = await runSetup(folder, { all: true, dryRun: true });
    expect(dry.output.dry_run).toBe(true);
    expect(existsSync(folder.at("AGENTS.md"))).toBe(false);
    const done = await runSetup(folder, { all: true });
    expect(actions(done)).toEqual(actions(dry));
    expect(done.output.files.find(({ path }) => path === "AGENTS.md")?.assistant).toBe("agents, codex");
  });

  it("--global writes below the home directory and nowhere else", async () => {
    using folder = temporaryDirectory();
    mkdirSync(folder.at("home"));
    await runSetup(folder, { all: true, global: true });
    expect(existsSync(folder.at("home/.codex/AGENTS.md"))).toBe(true);
    expect(existsSync(folder.at("AGENTS.md"))).toBe(false);
    const failure = await failureOf(() => runSetup(folder, { assistant: "cursor", global: true }));
    expect(failure.exit).toBe(2);
  });

  it("touches CLAUDE.md only when that is wanted", async () => {
    using folder = temporaryDirectory();
    const prompt = { confirm: async () => true, choose: async () => "claude" };
    await runSetup(folder, CLAUDE);
    await runSetup(folder, { ...CLAUDE, noClaudeMd: true }, { prompt });
    expect(existsSync(folder.at("CLAUDE.md"))).toBe(false);
    expect(actions(await runSetup(folder, { ...CLAUDE, claudeMd: true }))).toMatchObject({ "CLAUDE.md": "created" });
    using other = temporaryDirectory();
    expect(actions(await runSetup(other, {}, { prompt }))).toEqual({ [SKILL]: "created", "CLAUDE.md": "created" });
  });

  it.each([
    ["no assistant and nobody to ask", {}, "USAGE_ARGUMENTS"],
    ["--all with --assistant", { all: true, assistant: "claude" }, "USAGE_ARGUMENTS"],
    ["both CLAUDE.md flags", { ...CLAUDE, claudeMd: true, noClaudeMd: true }, "USAGE_ARGUMENTS"],
  ])("refuses %s", async (_, input, code) => {
    using folder = temporaryDirectory();
    expect((await failureOf(() => runSetup(folder, input))).code).toBe(code);
  });

  it("ends with 12 when the question is left", async () => {
    using folder = temporaryDirectory();
    const prompt = { confirm: async () => false, choose: async () => undefined };
    expect((await failureOf(() => runSetup(folder, {}, { prompt }))).exit).toBe(12);
  });

  it("follows no link out of the project, and then writes nothing at all", async () => {
    using outside = temporaryDirectory({ victim: "precious\n" });
    using folder = temporaryDirectory();
    symlinkSync(outside.at("victim"), folder.at("GEMINI.md"));
    expect((await failureOf(() => runSetup(folder, { all: true }))).code).toBe("FILE_WRITE_FAILED");
    expect(existsSync(folder.at("AGENTS.md"))).toBe(false);
    symlinkSync(outside.path, folder.at(".cursor"));
    expect((await failureOf(() => runSetup(folder, { assistant: "cursor" }))).code).toBe("FILE_WRITE_FAILED");
    expect(existsSync(outside.at("rules"))).toBe(false);
    expect(readFileSync(outside.at("victim"), "utf8")).toBe("precious\n");
  });
});

describe("ai check", () => {
  it("ends with 20 when there is nothing, and with 0 when all that is there is current", async () => {
    using folder = temporaryDirectory();
    expect((await runCheck(folder)).exitCode).toBe(20);
    expect(states(await runCheck(folder, CLAUDE))).toEqual({ [SKILL]: "missing" });
    await runSetup(folder, { ...CLAUDE, claudeMd: true });
    const checked = await runCheck(folder);
    expect([states(checked), checked.exitCode]).toEqual([{ [SKILL]: "current", "CLAUDE.md": "current" }, 0]);
    expect((await runCheck(folder, { all: true })).exitCode).toBe(20);
  });

  it("tells another version's text from one that was changed by hand", async () => {
    using folder = temporaryDirectory();
    const path = writeOld(folder, "claude");
    const stale = await runCheck(folder);
    expect([states(stale), stale.exitCode]).toEqual([{ [path]: "stale" }, 20]);
    writeFileSync(folder.at(path), readFileSync(folder.at(path), "utf8").replace("name: pgkeep", "name: mine"));
    const edited = await runCheck(folder);
    expect([states(edited), edited.exitCode]).toEqual([{ [path]: "edited" }, 20]);
  });
});

describe("text of ours", () => {
  const [section] = placesOf(["gemini"], false);
  if (!section) throw new Error("no place");

  it("is the same with the line ends of another system, and replaced there in place", () => {
    const written = withText(section, "mine\n", OLD).replaceAll("\n", "\r\n");
    expect(stateOf(section, written, OLD.text)).toBe("current");
    const again = withText(section, written, { text: "new", version: "2" });
    expect(again.match(/<!-- pgkeep /g)).toHaveLength(1);
    expect(again.startsWith("mine\r\n")).toBe(true);
  });

  it("whose end mark is gone counts as edited, and replacing it loses nothing", () => {
    const broken = withText(section, "mine\n", OLD).replace("<!-- /pgkeep -->", "more of mine");
    expect(stateOf(section, broken, OLD.text)).toBe("edited");
    const fixed = withText(section, broken, OLD);
    expect(fixed).toContain("more of mine");
    expect(stateOf(section, fixed, OLD.text)).toBe("current");
  });

  it("is not looked for in files that never had it", () => {
    expect(stateOf(section, "mine\n", OLD.text)).toBe("missing");
  });
});
