/**
 * Credentials in texts that others wrote, by their form.
 *
 * The scrubber (secrets.ts) knows values that were resolved here. A server's message, a notice or a test can hold
 * a credential that never passed through this program; those are recognised by the way people write them:
 * `password=...` and `scheme://user:...@`. Whatever quotes foreign text goes through this before it is shown or cut.
 */
import { scrub } from "./secrets.ts";

/** The text without registered secrets, then without credentials: the second may replace the first word of the first. */
export function redactCredentials(text: string): string {
  const redacted = scrub(text).replace(/(password\s*=\s*)('(?:[^']|'')*'|"(?:[^"]|"")*"|[^\s;&'"]+)/gi, "$1[redacted]");
  return redacted.includes("://") ? redacted.replace(/\S+/g, withoutUrlPassword) : redacted;
}

/** `scheme://user:` in a word without blanks; short, so that a long word is not tried from each of its letters. */
const URL_USER = /[a-z][a-z0-9+.-]{0,30}:\/\/[^:/@]*:/i;

/** The password ends at the last at sign of the word, because people forget to encode theirs. */
function withoutUrlPassword(word: string): string {
  const at = word.lastIndexOf("@");
  if (at === -1) return word;
  const user = URL_USER.exec(word.slice(0, at));
  return user ? `${word.slice(0, user.index + user[0].length)}[redacted]${word.slice(at)}` : word;
}
