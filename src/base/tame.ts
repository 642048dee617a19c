/**
 * Makes foreign text harmless before it reaches a terminal or a log.
 *
 * Whatever came from a server, a file or an event may hold escape sequences, direction marks that reorder a line, or
 * words that a CI system reads as commands. Human output shows such characters instead of obeying them; JSON output
 * keeps the exact value and writes them as escapes. Secrets go first: rewritten they would not be recognised.
 */
import { ACTED_ON } from "./acted-on.ts";
import { scrub } from "./secrets.ts";

/** 2,000 characters: more of one value is never read by a person, and a server can send a gigabyte. */
export const MAX_TAMED_LENGTH = 2_000;

/** C0 without tab and line feed, what acts on a reader, unpaired surrogates. */
const HARMFUL = new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f${ACTED_ON}]|\\p{Surrogate}`, "gu");

/** One value on one line: control characters become `\u{…}`, line breaks become `⏎`, CI commands are defused. */
export function tameLine(text: string): string {
  return defuseCommands(
    cut(scrub(text))
      .replace(/\r\n|\n/g, "⏎")
      .replaceAll("\r", "⏎")
      .replace(HARMFUL, visible),
  );
}

/** Text that may keep its line breaks: as `tameLine`, line by line. */
export function tameText(text: string): string {
  return defuseCommands(cut(scrub(text)).replaceAll("\r\n", "\n").replace(HARMFUL, visible));
}

/** Characters and words that JSON leaves as they are and that a terminal or a CI system would obey. */
const HARMFUL_IN_JSON = new RegExp(`[${ACTED_ON}]|##(?=\\[|vso\\[|teamcity\\[)`, "gu");

/** A JSON text of the same value that is harmless to show. Such characters can stand only inside of its strings. */
export function tameJson(json: string): string {
  return json.replace(HARMFUL_IN_JSON, (found) =>
    // By UTF-16 units, as JSON writes them.
    found
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `\\u{${code.toString(16)}}`;
}

/** Azure Pipelines and TeamCity read these anywhere in a line; GitHub's `::` only counts at the start of one. */
function defuseCommands(text: string): string {
  return text.replace(/##(?=\[|vso\[|teamcity\[)/g, "#\\#").replace(/^(\s*)::/gm, "$1:\\:");
}

function cut(text: string): string {
  if (text.length <= MAX_TAMED_LENGTH) return text;
  return `${text.slice(0, MAX_TAMED_LENGTH)}… (${text.length - MAX_TAMED_LENGTH} more characters)`;
}
