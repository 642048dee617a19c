/**
 * Writes what the command line reads instead of loading operations: the command table and every help text.
 *
 * Input are the compiled operations and their zod schemas; output are dist/cli/manifest.json, dist/cli/help/ and
 * dist/build.json. An operation whose module cannot be loaded stops the build: a command must not vanish silently.
 * `--skip-broken` leaves it out with a message, for working on one command while another is being written.
 *
 *   node scripts/manifest.mjs
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { z } from "zod";
import { helpFiles } from "./manifest/help.mjs";
import { commandOf, pgmiCommands } from "./manifest/table.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");

/** Date and commit of the build come from the repository, so that two builds of one commit are equal. */
function buildFacts() {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  try {
    const git = (...words) => execFileSync("git", words, { cwd: ROOT, encoding: "utf8", stdio: "pipe" }).trim();
    return {
      version,
      commit: git("rev-parse", "--short=12", "HEAD"),
      built: git("show", "-s", "--format=%cI", "HEAD"),
    };
  } catch {
    return { version, commit: "unknown", built: "unknown" };
  }
}

/** The default export of every member of a catalogue that was compiled to `path`, by name. */
async function loadMembers(path, skipBroken) {
  const { index } = await import(pathToFileURL(path).href);
  const members = [];
  for (const [name, load] of Object.entries(index)) {
    try {
      members.push([name, (await load()).default]);
    } catch (error) {
      if (!skipBroken) throw error;
      console.error(`left out ${name}: ${error.message}`);
    }
  }
  return members;
}

/** The whole table. */
export async function buildManifest({ dist = DIST, skipBroken = false } = {}) {
  const { BUILTINS } = await import(pathToFileURL(join(dist, "cli/builtin-commands.js")).href);
  const renderers = await loadMembers(join(dist, "cli/renderers/index.js"), skipBroken);
  const formats = Object.fromEntries(renderers.map(([name, each]) => [name, Object.keys(each.formats ?? {})]));
  const operations = await loadMembers(join(dist, "operations/index.js"), skipBroken);
  const own = operations
    .map(([, operation]) => operation)
    .filter(({ surfaces, cli }) => cli && surfaces.includes("cli"))
    .map((operation) => commandOf(operation, z, formats));
  const byWords = (a, b) => (a.words < b.words ? -1 : 1);
  return {
    ...buildFacts(),
    commands: {
      pgkeep: [...own, ...BUILTINS.pgkeep].sort(byWords),
      pgmi: [...pgmiCommands(own), ...BUILTINS.pgmi].sort(byWords),
    },
  };
}

async function main() {
  const manifest = await buildManifest({ skipBroken: process.argv.includes("--skip-broken") });
  const { flagsOf } = await import(pathToFileURL(join(DIST, "cli/global-flags.js")).href);
  const help = join(DIST, "cli/help");
  rmSync(help, { recursive: true, force: true });
  writeFileSync(join(DIST, "cli/manifest.json"), JSON.stringify(manifest));
  const { version, commit, built } = manifest;
  writeFileSync(join(DIST, "build.json"), JSON.stringify({ version, commit, built }));
  for (const [path, text] of helpFiles(manifest, flagsOf)) {
    mkdirSync(join(help, path, ".."), { recursive: true });
    writeFileSync(join(help, path), text);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
