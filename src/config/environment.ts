/**
 * The only reader of the process environment.
 *
 * It is read once, at start. Variables that hold credentials then leave `process.env`, so that a child process, a
 * crash report or a library that dumps its environment cannot pass them on; the snapshot keeps them for those who
 * resolve settings, and every such value is registered for redaction.
 */
import { registerSecret } from "../base/secrets.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Values that are secrets as a whole. Nothing but this program needs them, so they leave the environment. */
const OWN_SECRETS = ["PGPASSWORD", "PGSSLPASSWORD"];

/** Connection strings: the password inside is the secret. */
const CONNECTION_STRINGS = [
  "PGMI_CONNECTION_STRING",
  "PGKEEP_CONNECTION_STRING",
  "DATABASE_URL",
  "PG_TIDE_POSTGRES_URL",
  "PGTRICKLE_RELAY_POSTGRES_URL",
];

/** Secrets that the clouds' libraries read from the environment themselves, so they have to stay there. */
const CLOUD_SECRETS = [
  "AZURE_CLIENT_SECRET",
  "AZURE_CLIENT_CERTIFICATE_PASSWORD",
  "AZURE_PASSWORD",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "IDENTITY_HEADER",
  "MSI_SECRET",
];

/**
 * Whether a variable holds this process's own way into a database or a cloud. Text that is not the operator's (a pipeline's
 * configuration) cannot have it: whoever edits that would send it to a server of theirs.
 */
export function isOwnCredential(name: string): boolean {
  return [...OWN_SECRETS, ...CONNECTION_STRINGS, ...CLOUD_SECRETS].includes(name);
}

/** Snapshot of the environment. Credentials are registered for redaction and removed from `process.env`. */
export function captureEnvironment(from: NodeJS.ProcessEnv = process.env): Environment {
  const snapshot = { ...from };
  for (const name of [...OWN_SECRETS, ...CLOUD_SECRETS]) registerSecret(snapshot[name] ?? "");
  for (const name of CONNECTION_STRINGS) registerConnectionString(snapshot[name] ?? "");
  for (const name of [...OWN_SECRETS, ...CONNECTION_STRINGS]) delete from[name];
  return snapshot;
}

/** Some variables, none of them a secret, for what runs before the snapshot is taken. */
export function variables(names: readonly string[], from: NodeJS.ProcessEnv = process.env): Environment {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}

/**
 * Registers whatever could be the password of a connection string that may well be broken. Matching too much only hides
 * more; the exact value is registered again when the string is parsed.
 */
export function registerConnectionString(text: string): void {
  for (const candidate of passwordCandidates(text)) {
    registerSecret(candidate);
    registerSecret(decodeLeniently(candidate));
  }
}

function passwordCandidates(text: string): string[] {
  const userInfo = /^[a-z]+:\/\/[^:/?#]*:(.*)@/is.exec(text)?.[1];
  const named = [...text.matchAll(/(?:password|pwd)\s*=\s*('(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|[^;&\s]*)/gi)];
  const values = named.map(([, value]) => (value ?? "").replace(/^(['"])(.*)\1$/s, "$2"));
  return userInfo === undefined ? values : [userInfo, ...values];
}

function decodeLeniently(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
