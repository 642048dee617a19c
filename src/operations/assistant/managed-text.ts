/**
 * Text of ours in somebody's file, with a stamp that tells an old text of ours from one that a person changed.
 *
 * The stamp holds the version that wrote the text and the text's checksum. A checksum that fits means nobody touched
 * the text since, so it may be replaced; one that does not fit means somebody did, and it is left alone.
 *
 *   missing   no stamp, and no file of ours
 *   current   the text is what this version writes
 *   stale     untouched, but another version's text
 *   edited    changed by hand; a file in our place without a stamp counts as such
 */
import { createHash } from "node:crypto";
import type { Place } from "./places.ts";

export type TextState = "missing" | "current" | "stale" | "edited";

const STAMP =
  /^<!-- pgkeep (\S{1,40}) sha256:([0-9a-f]{64}) managed text; change it and pgkeep leaves it alone -->\r?$/m;
const END = "<!-- /pgkeep -->";

const checksum = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Our text for `place` between its stamp and its end mark, with the header before it. */
function stamped({ header }: Place, text: string, version: string): string {
  const body = bodyOf(text);
  const stamp = `<!-- pgkeep ${version} sha256:${checksum(sealed(header, body))} managed text; change it and pgkeep leaves it alone -->`;
  return `${headerText(header)}${stamp}\n${body}${END}\n`;
}

const bodyOf = (text: string): string => `${text.trimEnd()}\n`;

/** What the checksum is of: the header is ours too. */
const sealed = (header: Place["header"], body: string): string => `${headerText(header)}${body}`;

function headerText(header: Place["header"]): string {
  return header ? `---\n${header.join("\n")}\n---\n\n` : "";
}

/** The parts of a file around our text. */
interface Found {
  before: string;
  body: string;
  after: string;
  checksum: string;
}

function find(content: string): Found | undefined {
  const stamp = STAMP.exec(content);
  if (!stamp) return undefined;
  const start = stamp.index + stamp[0].length + 1;
  const end = content.indexOf(END, start);
  if (end === -1) return undefined;
  const after = content.slice(end + END.length).replace(/^\r?\n/, "");
  return { before: content.slice(0, stamp.index), body: content.slice(start, end), after, checksum: stamp[2] ?? "" };
}

/** State of our text in a file; `content` is undefined when there is no file. Line ends of another system do not count. */
export function stateOf(place: Place, content: string | undefined, text: string): TextState {
  if (content === undefined) return "missing";
  const found = find(content.replaceAll("\r\n", "\n"));
  if (!found) return place.kind === "file" || STAMP.test(content) ? "edited" : "missing";
  // Of a section's file only the section is ours.
  const isOurs = place.kind === "file";
  const whole = isOurs ? found.before + found.body : found.body;
  if (checksum(whole) !== found.checksum || (isOurs && found.after !== "")) return "edited";
  return whole === sealed(place.header, bodyOf(text)) ? "current" : "stale";
}

/** The file's new content, with our text added or replaced and everything that is not ours kept. */
export function withText(
  place: Place,
  content: string | undefined,
  { text, version }: { text: string; version: string },
) {
  const ours = stamped(place, text, version);
  if (place.kind === "file" || content === undefined || content.trim() === "") return ours;
  const found = find(content);
  if (found) return `${found.before}${ours}${found.after}`;
  // A stamp whose end mark is gone: only the stamp is taken away, because the rest may be the person's by now.
  return `${content.replace(STAMP, "").trimEnd()}\n\n${ours}`;
}
