/**
 * The command table: every command, flag and positional, written at build time from the operations' input schemas.
 *
 * Parsing, help, completion and the reference pages all read this one table, so none of them loads zod or an operation
 * to find out what exists. scripts/manifest.mjs writes it.
 */
import { readFileSync } from "node:fs";

/** What a flag's value becomes: "list" is repeatable text, "map" is repeatable key=value. */
export type ValueType = "string" | "boolean" | "integer" | "number" | "list" | "map";

export interface FlagSpec {
  /** Without dashes. */
  name: string;
  /** Input field of the operation; absent for flags of the command line itself. */
  field?: string;
  type: ValueType;
  short?: string;
  values?: string[];
  valueName?: string;
  description: string;
  group: string;
  hidden?: boolean;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  /** The value is a Go duration. */
  duration?: boolean;
}

export interface PositionalSpec {
  field: string;
  type: "string" | "list";
  required: boolean;
  description: string;
  /** The only values it can have. */
  values?: string[];
  /** Values to offer in completion, where others are possible too. */
  suggest?: string[];
}

export interface CommandEntry {
  /** "deploy", "db start". */
  words: string;
  /** The operation behind it; absent for the command line's own commands. */
  operation?: string;
  summary: string;
  description?: string;
  effects: "read" | "write" | "destructive";
  json: "envelope" | "bare";
  /** Formats besides human, json and ndjson. */
  formats: string[];
  /** Output field that is a list of records; its commands take --fields. */
  list?: { field: string; columns: string[] };
  exitCodes: number[];
  positionals: PositionalSpec[];
  flags: FlagSpec[];
  examples: { line: string; does: string }[];
  /** "table": what this table says is all there is to check; "zod": the schema says more. */
  validate: "table" | "zod";
  /** Whether its operation declares its own `timeout`; then the command line sets no deadline. */
  ownTimeout?: boolean;
}

export type ProgramName = "pgkeep" | "pgmi";

export interface Manifest {
  version: string;
  /** Commit the package was built from, "unknown" outside a repository. */
  commit: string;
  /** Date of that commit, RFC 3339. */
  built: string;
  commands: Record<ProgramName, CommandEntry[]>;
}

/** The table of this build. */
export function loadManifest(): Manifest {
  return JSON.parse(readFileSync(new URL("./manifest.json", import.meta.url), "utf8"));
}

/** Help as written at build time; `words` is "" for the program itself, else a command or the first word of several. */
export function helpText(program: ProgramName, words: string): string | undefined {
  try {
    return readFileSync(
      new URL(`./help/${program}/${words.replaceAll(" ", ".") || "index"}.txt`, import.meta.url),
      "utf8",
    );
  } catch {
    return undefined;
  }
}
