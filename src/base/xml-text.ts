/**
 * Text as it can stand in XML 1.0, in elements and in attributes alike.
 *
 * XML 1.0 has no way to write most control characters, not even as entities, so they appear as the text `\u{…}`.
 */
import { ACTED_ON } from "./acted-on.ts";

const UNSEEN = new RegExp(`[${ACTED_ON}]`, "gu");

export function xmlText(text: string): string {
  return (
    text
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replace(
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these cannot be written in XML 1.0.
        /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu,
        (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
      )
      // What a terminal or a reader's eye would obey keeps its value as a reference.
      .replace(UNSEEN, (character) => `&#x${(character.codePointAt(0) ?? 0).toString(16)};`)
      // In attributes a raw line break would be read as a blank; as a reference it survives everywhere.
      .replaceAll("\n", "&#10;")
      .replaceAll("\r", "&#13;")
      // Azure Pipelines and TeamCity read commands anywhere in a line of output.
      .replaceAll("##", "&#35;&#35;")
  );
}
