/**
 * A failure as people and programs read it: what happened, why, where, what state things are in, what to do.
 *
 * Every part may hold words of a server or a file, so each is tamed. Under the name "pgmi" only the lines of the
 * reference appear, because scripts around it compare them.
 */
import { redactCredentials } from "../base/credentials.ts";
import { ERRORS, type ErrorParts, type PgkeepError } from "../base/errors.ts";
import { tameLine, tameText } from "../base/tame.ts";
import type { ProgramName } from "./manifest.ts";

/** Lines for stderr, without the last line break. */
export function errorText(error: PgkeepError, program: ProgramName): string {
  const { parts } = error;
  const lines = [`${program}: error: ${indented(redactCredentials(error.message))}`];
  const add = (label: string, text: string | undefined): void => {
    if (text !== undefined && text !== "") lines.push(`${label}: ${indented(redactCredentials(text))}`);
  };
  add("DETAIL", parts.detail);
  if (program === "pgmi") add("HINT", parts.hint);
  add("WHERE", parts.where);
  lines.push(...placeLines(parts));
  if (program === "pgmi") return lines.join("\n");
  add("STATE", parts.state);
  add("HINT", parts.hint);
  lines.push(`CODE: ${error.code}   (pgkeep explain ${error.code})`);
  return lines.join("\n");
}

/** Continuation lines are moved in, so that foreign text never begins a line and cannot pass for one of ours. */
function indented(text: string): string {
  return tameText(text).trimEnd().replaceAll("\n", "\n  ");
}

function placeLines({ file, line, column, sourceLine }: ErrorParts): string[] {
  if (file === undefined) return [];
  const place = [line === undefined ? "" : ` line ${line}`, column === undefined ? "" : `, column ${column}`].join("");
  const lines = [`LOCATION: ${tameLine(file)}${place}`];
  if (line === undefined || sourceLine === undefined) return lines;
  return [...lines, ...sourceLines(line, sourceLine, column)];
}

/** 60 characters on each side of the place: enough to recognise the statement on one terminal line. */
const CONTEXT_CHARACTERS = 60;

/** The line of source and a caret below the place; long lines are shown around the place. */
function sourceLines(line: number, sourceLine: string, column: number | undefined): string[] {
  const characters = [...sourceLine];
  const at = Math.min(Math.max((column ?? 1) - 1, 0), characters.length);
  const from = characters.length <= 2 * CONTEXT_CHARACTERS ? 0 : Math.max(0, at - CONTEXT_CHARACTERS);
  const prefix = `LINE ${line}: ${from > 0 ? "..." : ""}`;
  const before = tameLine(characters.slice(from, at).join(""));
  const after = tameLine(
    characters
      .slice(at, from === 0 && at < CONTEXT_CHARACTERS ? 2 * CONTEXT_CHARACTERS : at + CONTEXT_CHARACTERS)
      .join(""),
  );
  const shown = `${prefix}${before}${after}`.trimEnd();
  if (column === undefined) return [shown];
  // A tab before the place is repeated, so that the caret stands below it however wide the terminal makes a tab.
  const pad = `${prefix}${before}`.replace(/[^\t]/gu, " ");
  return [shown, `${pad}^`];
}

/** The error object of every JSON document. Absent parts are null, so that each key is always there. */
export function errorJson(error: PgkeepError): Record<string, unknown> {
  const { parts } = error;
  return {
    code: error.code,
    message: redactCredentials(error.message),
    detail: redacted(parts.detail),
    hint: redacted(parts.hint),
    state: parts.state ?? null,
    sqlstate: parts.sqlstate ?? null,
    where: redacted(parts.where),
    file: parts.file ?? null,
    line: parts.line ?? null,
    column: parts.column ?? null,
    retryable: error.retryable,
    docs: `docs/reference/errors.md#${error.code.toLowerCase()}`,
    ...relayParts(error),
  };
}

/** Relay errors also have the parts that tools around pg_tide read. */
function relayParts({ code, parts }: PgkeepError): Record<string, unknown> {
  if (!code.startsWith("RELAY_")) return {};
  return {
    component: "relay",
    likely_cause: redacted(parts.detail) ?? ERRORS[code].explain,
    next_action: redacted(parts.hint) ?? `pgkeep explain ${code}`,
  };
}

const redacted = (text: string | undefined): string | null => (text === undefined ? null : redactCredentials(text));
