/** Whether the body of a webhook is JSON that may be handed on: valid, in UTF-8, and not nested deeper than 64. */
import { isUtf8 } from "node:buffer";

/** 64: no event is deeper, and readers that recurse would fail on much less than a body can hold. */
export const MAX_JSON_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What is wrong, in words for the sender; undefined when nothing is. */
export function jsonProblem(body: Buffer): string | undefined {
  if (body.length === 0) return "the body is empty";
  if (!isUtf8(body)) return "the body is not UTF-8";
  if (isDeeperThan(body, MAX_JSON_DEPTH)) return `the body is nested deeper than ${MAX_JSON_DEPTH}`;
  try {
    JSON.parse(body.toString("utf8"));
    return undefined;
  } catch {
    return "the body is not JSON";
  }
}

/** Counts brackets outside of strings, before anything recurses into them. */
function isDeeperThan(body: Buffer, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) at = endOfString(body, at);
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    if (depth > limit) return true;
  }
  return false;
}

/** Place of the closing quote of the string that begins at `start`; the end of the body when there is none. */
function endOfString(body: Buffer, start: number): number {
  for (let at = start + 1; at < body.length; at++) {
    if (body[at] === BACKSLASH) at++;
    else if (body[at] === QUOTE) return at;
  }
  return body.length;
}
