/**
 * One self-contained HTML page: no request to anywhere, nothing that runs or styles but what its own policy names by hash.
 *
 * Text goes in through `html`, which escapes every value that is not HTML already, so that a name from a server can only
 * ever be text.
 */
import { createHash } from "node:crypto";
import { ACTED_ON } from "./acted-on.ts";
import { scrub } from "./secrets.ts";

/** HTML that was made here. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | readonly Part[];

/** Template tag: values are escaped; `Html` and lists of it are not. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  return new Html(
    strings.map((text, index) => `${text}${index < values.length ? rendered(values[index] ?? "") : ""}`).join(""),
  );
}

function rendered(part: Part): string {
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(rendered).join("");
  return escaped(String(part));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Characters that act on whoever reads are shown, as everywhere else; those of HTML are escaped. */
function escaped(text: string): string {
  return scrub(text)
    .replace(SHOWN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

const SHOWN = new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f${ACTED_ON}]|\\p{Surrogate}`, "gu");

export interface Page {
  title: string;
  style: string;
  /** Runs after the body is there. The page must be complete without it. */
  script: string;
  body: Html;
}

/** The whole document. */
export function htmlPage({ title, style, script, body }: Page): string {
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
${body}
${scriptElement(script)}
</body>
</html>
`.text;
}

/** Outside of the tagged template: bundlers turn one that closes a script into a call of a package of theirs. */
function scriptElement(script: string): Html {
  return new Html(`<script>${script}</script>`);
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
