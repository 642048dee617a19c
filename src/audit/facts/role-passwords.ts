/**
 * Passwords of roles written out in SQL text: in logs, histories and projects. Tells the lines and nothing of what stands
 * there. Pure.
 */

/** 4,000 characters after CREATE ROLE: longer statements hold their password earlier. */
const STATEMENT_LENGTH = 4_000;

/** Between words: also the escapes that JSON logs and psql's history write for a line break. */
const GAP = String.raw`(?:\s|\\[nrt]|\\001|\x01)+`;
const HEAD = new RegExp(String.raw`\b(?:create|alter)${GAP}(?:role|user|group)\b`, "gi");
/** A string constant in its five spellings; doubled quotes where it stands inside another string. */
const PASSWORD = new RegExp(
  String.raw`\bpassword${GAP}(?:(?:e|u&)?''([^']+)''|(?:e|u&)?'((?:[^']|'')*)|\$(?:[A-Za-z_]\w*)?\$([^$]*))`,
  "i",
);

/** What a password is not: a verifier, a hash, a place that something else fills, a mask. */
const NO_PASSWORD = [
  /^$/,
  /^SCRAM-SHA-256\$/,
  /^md5[0-9a-f]{32}$/i,
  /^''|\|\|/,
  /^\$\{[^}]*\}$/,
  /^\{\{.*\}\}$/,
  /^%(\d+\$)?[sIL]$/,
  /^:['"]?\w+['"]?$/,
  /^<[^>]*>$/,
  /^\*+$/,
  /^\[secret\]$/,
];

/** 1-based lines of `text` on which a statement begins that sets a role's password in clear text. */
export function rolePasswordLines(text: string): number[] {
  const lines: number[] = [];
  let [line, counted] = [1, 0];
  for (const { index } of text.matchAll(HEAD)) {
    for (let at = text.indexOf("\n", counted); at !== -1 && at < index; at = text.indexOf("\n", at + 1)) line++;
    counted = index;
    if (setsPassword(statementAt(text, index)) && lines.at(-1) !== line) lines.push(line);
  }
  return lines;
}

/** Up to its semicolon, or to the next statement of the kind. */
function statementAt(text: string, index: number): string {
  const piece = text.slice(index, index + STATEMENT_LENGTH);
  const next = piece.slice(1).search(HEAD);
  return next === -1 ? piece : piece.slice(0, next + 1);
}

function setsPassword(statement: string): boolean {
  const match = PASSWORD.exec(statement);
  if (match === null) return false;
  // A semicolon before the word ends the statement that was looked at.
  if (/;\s*$/m.test(statement.slice(0, match.index))) return false;
  const value = match[1] ?? match[2] ?? match[3] ?? "";
  return !NO_PASSWORD.some((form) => form.test(value));
}
