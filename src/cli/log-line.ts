/**
 * Progress as JSON lines on stderr, for --log-format json.
 *
 * The values are exact. What a terminal or a pipeline's log could take for a command is written as an escape, which means
 * the same to whoever parses the line.
 */
import { ACTED_ON } from "../base/acted-on.ts";
import type { ProgressEvent } from "../base/operation.ts";
import { jsonText } from "./output.ts";

export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How much an event matters, when it does not say so itself: what only helps to look for something is "debug". */
export function levelOf({ type, level }: ProgressEvent): LogLevel {
  const own = LOG_LEVELS.find((each) => each === level);
  if (own !== undefined) return own;
  if (type === "warning") return "warn";
  return type === "connected" || type.endsWith(".verbose") ? "debug" : "info";
}

/** Whether events of `level` are shown at `limit`. */
export function isShown(level: LogLevel, limit: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(limit);
}

/** One line, without its end: time, level, event name, then the event's own fields. */
export function logLine(time: Date, level: LogLevel, { type, level: _own, ...fields }: ProgressEvent): string {
  const text = jsonText({ t: time.toISOString(), level, event: type, ...fields });
  return text.replace(UNSAFE, escaped).replaceAll("##", "\\u0023#");
}

/** JSON has escaped C0 already. */
const UNSAFE = new RegExp(`[${ACTED_ON}]`, "gu");

const escaped = (character: string): string =>
  character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
