/**
 * Text for `--ascii`: for terminals, fonts and readers that know nothing else.
 *
 * Renderers choose words for the marks themselves; this is for what is left, above all foreign names and messages. Of a
 * name every character stays recognisable, so that two names never look alike.
 */

/** Our own signs, in words or signs that everybody has. */
const SIGNS: Readonly<Record<string, string>> = {
  "⏎": "\\n",
  "…": "...",
  "│": "|",
  "·": "-",
  "→": "->",
  "✓": "ok",
  "✗": "FAILED",
};

/** The text with every other character as `\u{…}` or as the sign it stands for. */
export function asciiText(text: string): string {
  return text.replace(
    /[\u0080-\u{10ffff}]/gu,
    (character) => SIGNS[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
