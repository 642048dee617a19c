/**
 * How one operation looks on a terminal, when the look cannot be derived from its output schema.
 *
 * Renderers are a catalogue: `cli/renderers/<area>.<verb>.ts`, default export, named after the operation. Each part is
 * optional; without one the generic rendering applies. A renderer returns text and never writes: the command line
 * scrubs it, tames nothing (the renderer must call `tameLine` on every foreign value itself) and sends it.
 */
import type { PgkeepError } from "../base/errors.ts";
import type { ProgressEvent } from "../base/operation.ts";

/** What the text is for. */
export interface View {
  colour: boolean;
  /** Only ASCII signs: "ok" and "FAILED" for the marks. */
  ascii: boolean;
  /** Columns. */
  width: number;
  /** Whether text has to fit `width`: on a terminal, or because a width was asked for. Programs get whole values. */
  isFitted: boolean;
  /** Whether the stream the text goes to is a terminal. */
  isTerminal: boolean;
  verbose: boolean;
  quiet: boolean;
  /** Under the name "pgmi" only the reference's own lines appear. */
  program: "pgkeep" | "pgmi";
  /** The flags that say where this command went, each after a blank, for commands to paste: " --embedded -d shop". */
  place?: string | undefined;
  /** Milliseconds since the command began. */
  elapsedMs: number;
}

export interface Renderer<Output> {
  /** The result, for stdout. Empty string: nothing is written. */
  result?(output: Output, view: View): string;
  /** One progress event, for stderr; undefined: nothing to say. Without trailing line break. */
  progress?(event: ProgressEvent, view: View): string | undefined;
  /** One progress event as a line of the result, for stdout while the operation runs; undefined: it is none. */
  stream?(event: ProgressEvent, view: View): string | undefined;
  /** After success, for stderr. */
  summary?(output: Output, view: View): string | undefined;
  /** After failure, for stderr, before the error itself. */
  failureSummary?(error: PgkeepError, view: View): string | undefined;
  /** Further formats by name, for stdout or a file; only these may be listed in the operation's `cli.formats`. `error` is there after a failure. */
  formats?: Readonly<Record<string, (output: Output | undefined, error?: PgkeepError) => string | Promise<string>>>;
}

export function defineRenderer<Output>(renderer: Renderer<Output>): Renderer<Output> {
  return renderer;
}
