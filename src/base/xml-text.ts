/**
 * Text as it can stand in XML 1.0, in elements and in attributes alike.
 *
 * XML 1.0 has no way to write most control characters, not even as entities, so they appear as the text `\u{…}`.
 */

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
      .replace(
        /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu,
        (character) => `&#x${(character.codePointAt(0) ?? 0).toString(16)};`,
      )
      // In attributes a raw line break would be read as a blank; as a reference it survives everywhere.
      .replaceAll("\n", "&#10;")
      .replaceAll("\r", "&#13;")
      // Azure Pipelines and TeamCity read commands anywhere in a line of output.
      .replaceAll("##", "&#35;&#35;")
  );
}
