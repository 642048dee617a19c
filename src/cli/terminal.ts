/** What the streams are and how text for them should look: colour, signs, width, and whether anyone can answer. */
import { isatty } from "node:tty";
import type { GlobalValues } from "./arguments.ts";
import type { ProgramName } from "./manifest.ts";
import type { View } from "./renderer.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** 100 columns where nobody says how wide it is. */
const DEFAULT_WIDTH = 100;

/** Which of the three standard streams are terminals. */
export interface Terminals {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Columns of the terminal, when one of them is one. */
  columns?: number | undefined;
  /** Lines of the terminal that stdout is. */
  rows?: number | undefined;
}

export function standardTerminals(): Terminals {
  const [stdin, stdout, stderr] = [isatty(0), isatty(1), isatty(2)];
  // Touching process.stdout builds a stream, which costs more than it tells unless there is a terminal to measure.
  const columns = stdout ? process.stdout.columns : stderr ? process.stderr.columns : undefined;
  return { stdin, stdout, stderr, columns: columns || undefined, rows: stdout ? process.stdout.rows : undefined };
}

/** Whether a person can answer a question: a terminal to read from and one to show on, no CI, nothing that forbids it. */
export function isInteractive(terminals: Terminals, environment: Environment, noInput: boolean): boolean {
  const refused = noInput || environment.PGMI_NON_INTERACTIVE === "1" || isSet(environment.CI);
  return !refused && terminals.stdin && terminals.stdout;
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== "";

/**
 * Colour: `--color` decides; then NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then whether it is a terminal that
 * can show it.
 */
export function usesColour(isTerminal: boolean, environment: Environment, choice: GlobalValues["color"]): boolean {
  if (choice !== "auto") return choice === "always";
  if (isSet(environment.NO_COLOR)) return false;
  if (isForced(environment.FORCE_COLOR) || isForced(environment.CLICOLOR_FORCE)) return true;
  return isTerminal && environment.TERM !== "dumb";
}

const isForced = (value: string | undefined): boolean => isSet(value) && value !== "0" && value !== "false";

export interface ViewOptions {
  program: ProgramName;
  globals: GlobalValues;
  environment: Environment;
  terminals: Terminals;
  place?: string | undefined;
}

/** How text for one stream should look, `elapsedMs` after the command began. */
export function viewOf(stream: "stdout" | "stderr", options: ViewOptions, elapsedMs: number): View {
  const { program, globals, environment, terminals, place } = options;
  const isTerminal = terminals[stream];
  return {
    program,
    place,
    elapsedMs,
    isTerminal,
    colour: usesColour(isTerminal, environment, globals.color),
    ascii: globals.ascii || isSet(environment.NO_COLOR) || environment.PGKEEP_ACCESSIBLE === "1",
    width: globals.width ?? terminals.columns ?? DEFAULT_WIDTH,
    isFitted: isTerminal || globals.width !== undefined,
    verbose: globals.verbose,
    quiet: globals.quiet,
  };
}
