/**
 * The shape of everything pgkeep can do.
 *
 * One definition per operation feeds all surfaces: command line, typed library, MCP. zod is handed to `input` and
 * `output` instead of being imported, because loading it costs half as much as a whole short command: surfaces that
 * need schemas (library, MCP, the generated command table and documents) load it, the command line's hot path
 * reads the table that the build made from the same definitions.
 */
import type { z as Zod } from "zod";
import type { Clock } from "./clock.ts";

export type ZodNamespace = typeof Zod;

/** read: changes nothing anywhere. write: changes something. destructive: can lose data, and asks for approval. */
export type Effects = "read" | "write" | "destructive";

export type Surface = "cli" | "library" | "mcp" | "console";

/**
 * What happened so far, for progress output. `type` is dotted, "deploy.file_done"; fields are snake_case and hold no
 * secret. Two types have a meaning on every surface: "warning" with a `message` is always shown and collected in the
 * JSON envelope's `warnings`; "connected" with host, port, database, user, server_version and tls becomes the envelope's
 * `target`.
 */
export interface ProgressEvent {
  type: string;
  [field: string]: unknown;
}

/** 64 KiB of standard input: secrets come this way, not data. */
export const STDIN_MAX_BYTES = 2 ** 16;

export interface Prompter {
  /** Asks for a line of text; undefined when the person left the prompt. */
  text(question: string): Promise<string | undefined>;
  /** Asks for a secret without echo; undefined when the person left the prompt. */
  secret(question: string): Promise<string | undefined>;
  confirm(question: string): Promise<boolean>;
  choose(question: string, choices: readonly { value: string; label: string }[]): Promise<string | undefined>;
}

/** Parts of the process that an operation may use when it has the process to itself. */
export interface HostProcess {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Calls `listener` at every SIGHUP; the result stops that. */
  onHangup(listener: () => void): () => void;
}

/** What an operation may use of the world besides its input. */
export interface OperationContext {
  /** Environment variables as they were at start. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Absolute path that relative paths of the input start from. */
  workingDirectory: string;
  clock: Clock;
  signal: AbortSignal;
  report(event: ProgressEvent): void;
  /**
   * When present, these connection settings stand in for every configuration file and for the project's .env, none of
   * which is read then. For callers whose answer must depend on their input alone.
   */
  settings?: Readonly<Record<string, string>> | undefined;
  /**
   * Reads what was sent to the command, whole and at most STDIN_MAX_BYTES; empty text when nothing was. Present only
   * when something may have been sent: a pipe or a file, never a terminal.
   */
  readStdin?: (() => Promise<string>) | undefined;
  /** The process itself, for what runs for long: only the command line lends it. */
  process?: HostProcess | undefined;
  /** Whether what changes a database leaves a record for `pgkeep runs`; the library's callers keep their own. */
  recordsRuns?: boolean | undefined;
  /** Present only when a person can answer: a terminal on both sides, no CI, no --no-input. */
  prompt?: Prompter | undefined;
}

/** How the command line offers an operation. Everything that can be derived from the input schema is not repeated here. */
export interface CommandSpec {
  /** "deploy", "db start": the words before arguments. */
  command: string;
  /** Input fields given as positional arguments, in order. A trailing "?" marks an optional one. */
  positionals?: readonly string[];
  /** Shell lines, each runnable as shown, with what it does. At least one. */
  examples: readonly { line: string; does: string }[];
  /** How `--json` prints: "envelope" (default) wraps the output with target and tool; "bare" prints it as it is. */
  json?: "envelope" | "bare";
  /** Output field that is the list this command prints; its columns can then be chosen with --fields. */
  list?: string;
  /** Formats beside human and json that the operation's renderer offers ("tap", "junit", "sql"). */
  formats?: readonly string[];
  /** Exit codes that this command can return, besides those of every operation: 0, 1, 2, 3, 16 and 130. */
  exitCodes?: readonly number[];
}

export interface Operation<Input extends Zod.ZodObject = Zod.ZodObject, Output extends Zod.ZodType = Zod.ZodType> {
  /** "area.verb": file name, library path, MCP tool (with underscore). */
  name: string;
  /** One line, imperative, no full stop: "Run an SQL project". */
  summary: string;
  /** Two to five sentences for help and reference. */
  description?: string;
  effects: Effects;
  surfaces: readonly Surface[];
  cli?: CommandSpec;
  /**
   * A strict object, camelCase fields. `.meta({ description })` is required on every field; further meta keys the
   * command line reads: `short` (one letter), `flag` (when not the kebab-cased name), `group` ("connection", "what",
   * "output", "safety"), `valueName`, `hidden`, `duration: true` for Go durations, which the command line then checks,
   * `suggest` (list) for values that completion offers.
   * Fields that hold secrets carry `secret: true` and are never flags.
   */
  input: (z: ZodNamespace) => Input;
  /** snake_case fields: it is the JSON that `--json` prints. */
  output: (z: ZodNamespace) => Output;
  run(input: Zod.output<Input>, context: OperationContext): Promise<Zod.input<Output>>;
  /** Exit status of a completed run whose result calls for one other than 0 (findings, failed checks). */
  exitCode?: (output: Zod.output<Output>) => number;
}

/** Keeps the exact types of one operation's input and output. */
export function defineOperation<Input extends Zod.ZodObject, Output extends Zod.ZodType>(
  operation: Operation<Input, Output>,
): Operation<Input, Output> {
  return operation;
}
