/**
 * What a credential looks like in text, as regular expressions of the server: texts are judged there and stay there.
 *
 * All are guesses. Each leaves out what stands for a value without being one: `$1`, `%s`, `${env:X}`, `<password>`, `***`.
 */
import { literal } from "../../../pg/identifiers.ts";

/** Keys and tokens that say themselves what they are. Case matters. */
const TOKEN = [
  String.raw`\mAKIA[0-9A-Z]{16}`,
  String.raw`\m[sr]k[-_](live|test)[-_][0-9A-Za-z]{8,}`,
  String.raw`\mgh[pousr]_[0-9A-Za-z]{20,}`,
  String.raw`\mxox[abprs]-[0-9A-Za-z-]{10,}`,
  "-----BEGIN [A-Z ]*PRIVATE KEY",
].join("|");

/** A password inside a URL. */
const URL = String.raw`[a-z][a-z0-9+.-]*://[^:@/\s'"]*:(?!(password|passwd|pass|pwd|secret|x+)@)[^@/\s'"$%{<*][^@/\s'"]*@`;

/** `password=...` as connection strings have it, without blanks. */
const PAIR = String.raw`\m(ssl)?(password|passwd|pwd)=(?!x+\M)[^\s'";,&|(){}$%<*:=][^\s'";,&]{3,}`;

/** `password: ...` as people write it: the next word has a digit or a sign in it. */
const PROSE = String.raw`\m(password|passwd|pwd|passphrase)\s*[:=]\s*(?![$%<{*]|https?://)(?=\S*[0-9!@#^&*+])\S{4,}`;

/** A value that is set where a name asks for a secret; behind a bare = only when it looks like one. */
const SECRET_NAME = String.raw`\m\w*(password|passwd|pwd|api_?key|secret|secret_?key)`;
const ASSIGNED = [
  String.raw`${SECRET_NAME}(\s+[a-z][a-z0-9_ ]*(\(\d+\))?)?\s*(:=|=>)\s*'(?!SCRAM-SHA-256)[^'\s$%{<*][^'\s]{5,}'`,
  String.raw`${SECRET_NAME}\s*=\s*'(?!SCRAM-SHA-256)(?=[^']*[0-9!@#^&*+])[^'\s$%{<*][^'\s]{5,}'`,
].join("|");

/** CREATE and ALTER ROLE ... PASSWORD '...', also inside a string; a SCRAM verifier is none. */
const PASSWORD_CLAUSE = String.raw`\mpassw(or)?d\s+'{1,3}(?!SCRAM-SHA-256)[^'\s|%$][^'\s]{3,}'`;

/** SQL condition: a comment or another text for people holds a credential. */
export function holdsCredential(text: string): string {
  return `${mayHoldCredential(text)}
     and (${text} ~ ${literal(TOKEN)} or ${text} ~* ${literal([URL, PAIR, PROSE].join("|"))})`;
}

/** SQL condition: a routine's `source` holds one, or its `code` (without comments) sets one. */
export function codeHoldsCredential({ source, code }: { source: string; code: string }): string {
  return `(${source} ~ ${literal(TOKEN)}
        or ${source} ~* ${literal(URL)}
        or ${code} ~* ${literal(`${ASSIGNED}|${PASSWORD_CLAUSE}`)}
        or exists (
             select from pg_catalog.regexp_matches(${code}, ${literal("'((?:[^']|'')*)'")}, 'g') as m (part)
              where m.part[1] ~* ${literal(PAIR)}))`;
}

/** SQL condition that is cheap and true for every text that codeHoldsCredential could find something in. */
export function mayHoldCredential(text: string): string {
  return `${text} ~* 'passw|passphrase|pwd|secret|api_?key|://|akia|[sr]k[-_](live|test)|gh[pousr]_|xox|private key'`;
}

/** SQL condition: a connection string has a password, as a word or in a URL. */
export function hasPassword(connection: string): string {
  const word = String.raw`(^|[\s?&])(ssl)?password\s*=\s*[^\s&]`;
  return `(${connection} ~* ${literal(word)} or ${connection} ~* ${literal("://[^:@/]*:[^@/]+@")})`;
}

/** SQL condition: a shell command carries a credential, not merely the name of a file or a variable. */
export function commandHasCredential(command: string): string {
  const value = String.raw`["']?[^\s$"'%<-][^\s"']{2,}`;
  const names = String.raw`AWS_SECRET_ACCESS_KEY|PGPASSWORD|AccountKey|\mSECRET(_?KEY)?|--(password|secret|token)|\mpassword`;
  return `(${command} ~* ${literal(String.raw`(${names})(=|\s+)${value}`)} or ${command} ~* ${literal(URL)})`;
}
