/**
 * Where the program begins: argv to an exit status.
 *
 * Help and version are answered from files written at build time, without loading an operation, zod or the driver, so
 * that they cost little more than starting Node. Everything heavier is behind an import that has not happened yet.
 * Never throws and never calls exit: bin/pgkeep.js does that with the status returned here.
 */
import { basename } from "node:path";
import { type Located, locateCommand, type ParsedCommand, parseCommand, wantsJson } from "./arguments.ts";
import type { Chunks } from "./code-cache.ts";
import type { Invocation } from "./invocation.ts";
import { helpText, loadManifest, type Manifest, type ProgramName } from "./manifest.ts";
import { Output } from "./output.ts";

/** Runs the command that `argv` (node, script, words) names. */
export async function main(argv: readonly string[], chunks?: Chunks): Promise<number> {
  const { program, words } = programOf(argv);
  // Its grammar is its own; failures around it are reported as ours.
  const invocation: Invocation = {
    program: program === "pg-tide" ? "pgkeep" : program,
    words,
    manifest: NO_MANIFEST,
    output: new Output(),
    chunks,
  };
  // Thrown where nobody waits, in a listener for example: the same report as for any other bug, and an end.
  process.once("uncaughtException", (error) => void failed(error, invocation).then((status) => process.exit(status)));
  try {
    invocation.manifest = loadManifest();
    if (program === "pg-tide") return await (await import("./pg-tide/main.ts")).runPgTide(invocation);
    return await dispatch(invocation);
  } catch (error) {
    return await failed(error, invocation);
  }
}

/** Stands in until the table is read, so that a table that cannot be read is reported like any other failure. */
const NO_MANIFEST: Manifest = {
  version: "unknown",
  commit: "unknown",
  built: "unknown",
  commands: { pgkeep: [], pgmi: [] },
};

async function failed(error: unknown, invocation: Invocation): Promise<number> {
  const { reportFailure } = await import("./failure.ts");
  return reportFailure(error, invocation);
}

/** A reference's grammar applies under its name, and after `pgkeep pgmi` or `pgkeep pg-tide`. */
function programOf(argv: readonly string[]): { program: ProgramName | "pg-tide"; words: readonly string[] } {
  const name = basename(argv[1] ?? "").replace(/\.(c?js|mjs|cmd|exe)$/, "");
  if (name === "pg-tide") return { program: "pg-tide", words: argv.slice(2) };
  if (argv[2] === "pg-tide") return { program: "pg-tide", words: argv.slice(3) };
  if (name === "pgmi") return { program: "pgmi", words: argv.slice(2) };
  return argv[2] === "pgmi" ? { program: "pgmi", words: argv.slice(3) } : { program: "pgkeep", words: argv.slice(2) };
}

async function dispatch(invocation: Invocation): Promise<number> {
  const { program, manifest, output, words } = invocation;
  if (program === "pgkeep" && words.at(-1) === "-h") {
    output.say("-h is the host here; use --help");
    return 2;
  }
  const located = locateCommand(words, manifest.commands[program]);
  if (located.command === undefined) return withoutCommand(invocation, located);
  const parsed = parseCommand(located.command, located.rest, program);
  if (parsed.globals.help) return printHelp(invocation, parsed.command.words);
  return await runParsed(invocation, parsed);
}

function withoutCommand(invocation: Invocation, { group, rest }: Located): number {
  if (group !== undefined) return printHelp(invocation, group);
  if (rest.some((word) => word === "--version")) return printVersion(invocation);
  if (rest.includes("--help") || invocation.program === "pgmi") return printHelp(invocation, "");
  invocation.output.result(helpText(invocation.program, "start") ?? "");
  return 0;
}

function printHelp({ program, output }: Invocation, words: string): number {
  output.result(helpText(program, words) ?? helpText(program, "") ?? "");
  return 0;
}

function printVersion({ program, manifest, output }: Invocation): number {
  output.result(versionLines(program, manifest).join("\n").concat("\n"));
  return 0;
}

function versionLines(program: ProgramName, { version, commit, built }: Manifest): string[] {
  const first = program === "pgmi" ? `pgmi ${version} (compat 1)` : `pgkeep ${version}`;
  return [first, `commit ${commit}`, `built ${built}`, `platform ${process.platform}/${process.arch}`];
}

async function runParsed(invocation: Invocation, parsed: ParsedCommand): Promise<number> {
  const { words, operation } = parsed.command;
  if (words === "version" && !wantsJson(invocation.words) && !parsed.globals.format) return printVersion(invocation);
  if (operation === undefined) {
    const { runBuiltin } = await import("./builtins.ts");
    return runBuiltin(invocation, parsed);
  }
  const keepCode = await useKeptCode(invocation, words);
  const { runOperation } = await import("./run.ts");
  const status = await runOperation(invocation, parsed);
  if (status === 0) keepCode?.();
  return status;
}

async function useKeptCode({ chunks, manifest }: Invocation, words: string): Promise<(() => void) | undefined> {
  if (chunks === undefined) return undefined;
  const { openCodeCache } = await import("./code-cache.ts");
  return openCodeCache(chunks, { version: manifest.version, words });
}
