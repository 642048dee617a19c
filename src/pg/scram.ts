/**
 * SCRAM-SHA-256 verifiers: what a server stores instead of a password, made here so that the password itself never
 * leaves the process (server logs and statement statistics keep the text of CREATE and ALTER ROLE).
 *
 * A server stores a well-formed verifier as it is, and takes anything else for a password and hashes it. A verifier with
 * one wrong character would therefore set that text as the password, hence the strict check.
 *
 * Source: RFC 5802 section 3, RFC 7677, RFC 4013 (SASLprep), PostgreSQL's pg_authid.rolpassword.
 */
import { createHash, createHmac, pbkdf2, pbkdf2Sync } from "node:crypto";
import { promisify } from "node:util";
import { PgkeepError } from "../base/errors.ts";
import { Secret } from "../base/secrets.ts";

/** PostgreSQL's own default, and the least that its clients accept without a warning. */
export const DEFAULT_SCRAM_ITERATIONS = 4096;
export const MIN_SCRAM_ITERATIONS = 4096;
/** Every login costs this many hashes on both sides; our own connections refuse servers that ask for more. */
export const MAX_SCRAM_ITERATIONS = 100_000;

/** 16 bytes, as PostgreSQL itself makes them. */
export const SCRAM_SALT_BYTES = 16;

/** 1,024 characters: what psql accepts; anything longer is a file given by mistake. */
const MAX_PASSWORD_LENGTH = 1024;

const KEY_BYTES = 32;

export interface ScramOptions {
  /** SCRAM_SALT_BYTES random bytes. */
  salt: Buffer;
  /** Default: DEFAULT_SCRAM_ITERATIONS. */
  iterations?: number | undefined;
}

/**
 * The verifier of `password`, as PostgreSQL stores it. A secret as well: it allows guessing offline and, when stolen
 * from the server, impersonating that server.
 *
 * Throws CONFIG_VALUE_INVALID for passwords that not every client would send the same way, and for bad options.
 */
export function scramVerifier(password: Secret, options: ScramOptions): Secret {
  return new Secret(scramVerifierText(password, options));
}

/** As `scramVerifier`, but left out of redaction: for the one command whose result the verifier is. */
export function scramVerifierText(password: Secret, options: ScramOptions): string {
  const iterations = checkIterations(options.iterations ?? DEFAULT_SCRAM_ITERATIONS);
  if (options.salt.length < SCRAM_SALT_BYTES) throw invalid("the salt is too short");
  const prepared = preparePassword(password.expose());
  const { storedKey, serverKey } = scramKeys(prepared, { salt: options.salt, iterations });
  const salt = options.salt.toString("base64");
  return `SCRAM-SHA-256$${iterations}:${salt}$${storedKey.toString("base64")}:${serverKey.toString("base64")}`;
}

/** Whether a server would store `text` as it is. Everything else would become the password. */
export function isScramVerifier(text: string): boolean {
  return parseScramVerifier(text) !== undefined;
}

export interface ScramVerifier {
  iterations: number;
  salt: Buffer;
  storedKey: Buffer;
  serverKey: Buffer;
}

/** The parts of a verifier in exactly the form servers write it; undefined for anything else. */
export function parseScramVerifier(text: string): ScramVerifier | undefined {
  const match = /^SCRAM-SHA-256\$([1-9]\d{0,9}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/.exec(text);
  if (!match || match[0] !== text) return undefined;
  const iterations = Number(match[1]);
  const [salt, storedKey, serverKey] = [match[2], match[3], match[4]].map(canonicalBase64);
  const isWhole = salt && salt.length > 0 && storedKey?.length === KEY_BYTES && serverKey?.length === KEY_BYTES;
  return isWhole && iterations <= MAX_INT32 ? { iterations, salt, storedKey, serverKey } : undefined;
}

/** Whether `password` is the one behind `verifier`. */
export function matchesScramVerifier(password: Secret, verifier: ScramVerifier): boolean {
  const { storedKey } = scramKeys(preparePassword(password.expose()), verifier);
  return storedKey.equals(verifier.storedKey);
}

/**
 * Whether `word`, which is no secret but an entry of a public list, is the password behind `verifier`. Hashes outside the
 * main thread, so that other work goes on; the caller caps `verifier.iterations`. A word that clients would not all
 * send the same way is no match.
 */
export async function isVerifierOfWord(word: string, verifier: ScramVerifier): Promise<boolean> {
  const prepared = preparedWord(word);
  if (prepared === undefined) return false;
  const salted = await deriveKey(prepared, verifier.salt, verifier.iterations, KEY_BYTES, "sha256");
  return keysOf(salted).storedKey.equals(verifier.storedKey);
}

function preparedWord(word: string): string | undefined {
  try {
    return preparePassword(word);
  } catch (error) {
    if (error instanceof PgkeepError) return undefined;
    throw error;
  }
}

const MAX_INT32 = 2 ** 31 - 1;
const deriveKey = promisify(pbkdf2);

function scramKeys(prepared: string, { salt, iterations }: { salt: Buffer; iterations: number }) {
  return keysOf(pbkdf2Sync(prepared, salt, iterations, KEY_BYTES, "sha256"));
}

function keysOf(salted: Buffer) {
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return {
    storedKey: createHash("sha256").update(clientKey).digest(),
    serverKey: createHmac("sha256", salted).update("Server Key").digest(),
  };
}

/** Bytes of base64 text, only when encoding them gives the same text again. */
function canonicalBase64(text: string | undefined): Buffer | undefined {
  const bytes = Buffer.from(text ?? "", "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

function checkIterations(iterations: number): number {
  const isAllowed =
    Number.isInteger(iterations) && iterations >= MIN_SCRAM_ITERATIONS && iterations <= MAX_SCRAM_ITERATIONS;
  if (isAllowed) return iterations;
  throw invalid(`the iteration count must be a whole number from ${MIN_SCRAM_ITERATIONS} to ${MAX_SCRAM_ITERATIONS}`);
}

/** Characters that SASLprep drops: soft hyphen, joiners, variation selectors and the like (RFC 3454 table B.1). */
const DROPPED = /[\u00ad\u1806\u2060\ufeff]|\u034f|\u200c|\u200d|[\u180b-\u180d]|[\ufe00-\ufe0f]/gu;

/** Spaces that SASLprep turns into U+0020 (table C.1.2). U+200B is in both tables, so clients disagree; it stays and is refused. */
const SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/gu;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters to refuse.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Characters for which every implementation agrees on what SASLprep makes of them: Latin, Greek, Cyrillic, their
 * accents, kana, Han, the fullwidth forms, and what is dropped or becomes a space. All left-to-right, all assigned in
 * Unicode 3.2, whose tables SASLprep is bound to.
 */
const AGREED = new RegExp(
  "^(?:" +
    [
      "[\\u0020-\\u007e\\u00a0-\\u021f\\u1e00-\\u1e9b\\ufb00-\\ufb06]",
      "[\\u0300-\\u033f]|[\\u0342-\\u034e]",
      "[\\u0374\\u0375\\u037a\\u0384-\\u038a\\u038c\\u038e-\\u03a1\\u03a3-\\u03ce\\u0400-\\u0482\\u048a-\\u04ce]",
      "[\\u2000-\\u200a\\u200c\\u200d\\u2126\\u212a\\u212b\\u2153-\\u2183\\u3000]",
      "[\\u3041-\\u3096\\u309b-\\u30ff\\u4e00-\\u9fa5\\uff01-\\uff9d]",
    ].join("|") +
    ")*$",
  "u",
);

/**
 * The password as clients hash it (SASLprep).
 *
 * Clients that find a character they must not prepare hash the bytes as they are, and tables differ by Unicode version.
 * Where both ways give the same text nothing can go wrong; where they differ, only characters are taken on which all
 * agree. Refusing the rest is better than a password that works in one client and not in another.
 */
function preparePassword(password: string): string {
  if (password === "") throw invalid("the password is empty", "An empty password clears the role's password.");
  if (!password.isWellFormed()) throw invalid("the password is not valid Unicode");
  if (CONTROLS.test(password)) throw invalid("the password holds a control character");
  if (password.length > MAX_PASSWORD_LENGTH) {
    throw invalid(`the password is longer than ${MAX_PASSWORD_LENGTH} characters`);
  }
  const prepared = password.replace(SPACES, " ").replace(DROPPED, "").normalize("NFKC");
  if (prepared === password) return password;
  if (prepared !== "" && AGREED.test(password)) return prepared;
  throw invalid(
    "the password holds characters that clients prepare in different ways",
    "Some of its characters have several written forms or are ignored, and clients do not agree on them.",
  );
}

function invalid(message: string, detail?: string): PgkeepError {
  return new PgkeepError("CONFIG_VALUE_INVALID", message, {
    detail,
    hint: `Choose a password of printable characters, at most ${MAX_PASSWORD_LENGTH}; letters and digits always work.`,
    state: "nothing was started",
  });
}

/** Exactly one reference inside the call; a password written in clear is left as the text it is. */
const SCRAM_CALL = /^\s*scram\(\s*(\$\{(?:env|file):[^{}]*\})\s*\)\s*$/i;

/** Whether `text` asks for a verifier: `scram(${env:APP_PASSWORD})`. */
export function isScramCall(text: string): boolean {
  return SCRAM_CALL.test(text);
}

export interface ValueFunctionOptions {
  /** Expands references; what it returns is not expanded again. */
  resolve: (text: string) => Promise<string>;
  /** Source of SCRAM_SALT_BYTES random bytes. */
  randomBytes: (size: number) => Buffer;
  iterations?: number | undefined;
}

/**
 * The value that `text` stands for: `scram(${env:NAME})` and `scram(${file:/path})` become a verifier, everything else
 * has its references expanded.
 *
 * The call is recognised in the text as written, never in what a reference brought in, so a secret that looks like a
 * call stays a secret. A value that already is a verifier is passed on unchanged.
 */
export async function applyValueFunctions(text: string, options: ValueFunctionOptions): Promise<string> {
  const argument = SCRAM_CALL.exec(text)?.[1];
  if (argument === undefined) return options.resolve(text);
  const password = await options.resolve(argument);
  if (isScramVerifier(password)) return password;
  const salt = options.randomBytes(SCRAM_SALT_BYTES);
  return scramVerifier(new Secret(password), { salt, iterations: options.iterations }).expose();
}
