/**
 * OpenSSL's cipher strings, as far as it takes to see what weak classes they let in.
 *
 * A string adds classes from left to right; "!" bans one for good, "-" takes it out, and a leading "+" only moves what is
 * there already to the end. The strings `secure` lists would need the library; what is judged here is what somebody wrote.
 */

/** Forward secrecy and authenticated encryption only; every client since 2014 has some of them. */
export const GOOD_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK";

/** What the server is built with. */
export const DEFAULT_CIPHERS = "HIGH:MEDIUM:+3DES:!aNULL";

const WEAK = new Set([
  "ALL",
  "COMPLEMENTOFALL",
  "COMPLEMENTOFDEFAULT",
  "LOW",
  "MEDIUM",
  "EXP",
  "EXPORT",
  "NULL",
  "eNULL",
  "aNULL",
  "ADH",
  "AECDH",
  "RC2",
  "RC4",
  "DES",
  "3DES",
  "IDEA",
  "SEED",
  "MD5",
]);
/** Names of single ciphers that are weak: "RC4-SHA", "DES-CBC3-SHA", "ADH-AES128-SHA". */
const WEAK_NAME =
  /(^|-)(NULL|ADH|AECDH|EXP|RC2|RC4|DES|IDEA|SEED|MD5)(-|$)|_(anon|NULL|RC4|3DES|SEED|IDEA|DES40|DES)_|_MD5$/;

/** The parts of `list` that let weak ciphers in, as they are written; empty: none. */
export function weakParts(list: string): string[] {
  const parts = list.split(/[:, ]+/).filter((part) => part !== "");
  const banned = new Set(parts.filter((part) => part.startsWith("!")).map((part) => part.slice(1)));
  return parts.filter((part) => /^@SECLEVEL=[01]$/.test(part) || (/^[\w@]/.test(part) && isWeak(part, banned)));
}

/** "A+B" is what belongs to both, so one weak half makes it weak, and one banned half makes it empty. */
function isWeak(part: string, banned: ReadonlySet<string>): boolean {
  const classes = part.split("+");
  if (classes.some((name) => banned.has(name))) return false;
  if (part === "ALL" && banned.has("aNULL") && banned.has("MEDIUM") && banned.has("LOW")) return false;
  return classes.some((name) => WEAK.has(name) || WEAK_NAME.test(name));
}
