/**
 * What an authentication method is: a way to get the password of one connection from somebody other than the user.
 *
 * Each cloud is one definition in this folder. A definition declares its options with every name they go by (flag,
 * environment, project file), so that precedence is worked out at one place, and gives credentials for one backend
 * connection at a time: access tokens are short-lived, so nothing here caches one.
 *
 * The clouds' own libraries are optional peers, loaded when a method is used.
 */

import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import { errorCodeOf, messageOf, PgkeepError } from "../../base/errors.ts";
import { installCommand } from "../../base/install-command.ts";
import type { Secret } from "../../base/secrets.ts";
import { SECRET_TEXT, scrub } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";

/** The backend connection that credentials are wanted for. */
export interface AuthTarget {
  host: string;
  port: number;
  user: string;
  database: string;
}

export interface AuthContext {
  environment: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  clock: Clock;
}

export interface AuthCredentials {
  password: Secret;
  /** When the server stops accepting the password for new connections; undefined when the provider does not say. */
  expiresAt?: Date | undefined;
  /** The name to log in with, when the provider's differs from the one given. */
  user?: string | undefined;
}

/** Where the provider says the server is. */
export interface AuthLocation {
  host: string;
  port: number;
  /** PEM text of the authority that signed the server's certificate. */
  serverCa: string | undefined;
}

/** One setting of a method, under every name it goes by. None of them is a secret. */
export interface AuthOption {
  /** Key in the resolved options: "tenantId". */
  name: string;
  summary: string;
  /** Long flag without dashes: "azure-tenant-id". */
  flag: string;
  /** Key in the connection block of a project file: "azure_tenant_id". */
  setting: string;
  /** Environment variables, the first that is set counts. */
  environment: readonly string[];
  required: boolean;
}

export interface NeededPackage {
  name: string;
  /** As in package.json's peerDependencies. */
  range: string;
}

export type AuthOptions = Readonly<Record<string, string | undefined>>;

export interface AuthMethod {
  /** File name and public name: "azure". */
  name: string;
  /** Its name in sentences: "Azure Entra ID". */
  title: string;
  summary: string;
  needs: NeededPackage;
  options: readonly AuthOption[];
  /** Credentials for one new backend connection. Throws CONNECT_TOKEN_FAILED, CONNECT_AUTH_CONFIG, CONNECT_AUTH_PACKAGE_MISSING. */
  credentials(target: AuthTarget, options: AuthOptions, context: AuthContext): Promise<AuthCredentials>;
  /** Looks the server's address up when the user named none. Absent when the provider cannot say. */
  locate?(options: AuthOptions, context: AuthContext): Promise<AuthLocation | undefined>;
}

export function defineAuthMethod(method: AuthMethod): AuthMethod {
  return method;
}

/** Values of a method's options by source, each under the option's `name`. Flags win over environment over settings. */
export interface AuthOptionSources {
  flags: AuthOptions;
  environment: Readonly<Record<string, string | undefined>>;
  settings: AuthOptions;
}

/** The effective options of `method`. Empty values count as absent. Throws CONNECT_AUTH_CONFIG for a missing required one. */
export function resolveAuthOptions(method: AuthMethod, sources: AuthOptionSources): AuthOptions {
  const entries = method.options.map((option) => {
    const fromEnvironment = option.environment.map((name) => sources.environment[name]).find(Boolean);
    return [option.name, sources.flags[option.name] || fromEnvironment || sources.settings[option.name] || undefined];
  });
  const resolved: AuthOptions = Object.fromEntries(entries);
  for (const option of method.options) {
    if (option.required && !resolved[option.name]) throw missingOption(method, option);
  }
  return resolved;
}

/** CONNECT_AUTH_CONFIG that names every way to give `option`. */
export function missingOption(method: Pick<AuthMethod, "title">, option: AuthOption): PgkeepError {
  const variables = option.environment.length > 0 ? ` or set ${option.environment.join(" or ")}` : "";
  return new PgkeepError("CONNECT_AUTH_CONFIG", `${method.title} needs the ${option.summary.toLowerCase()}`, {
    hint: `Give --${option.flag}${variables}, or write connection.${option.setting} in the project's configuration.`,
    state: "not connected",
  });
}

/**
 * Loads a cloud's library.
 *
 * Throws CONNECT_AUTH_PACKAGE_MISSING, with the command that installs it, when it or a part of it is not there.
 */
export async function loadNeededPackage<Module>(needed: NeededPackage, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    const code = errorCodeOf(error);
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw error;
    throw new PgkeepError("CONNECT_AUTH_PACKAGE_MISSING", `package "${needed.name}" is not installed`, {
      detail: "Libraries of cloud providers are optional, so that nobody installs those they do not use.",
      hint: installCommand([`${needed.name}@${needed.range}`]),
      state: "not connected",
    });
  }
}

/** 30 s: the libraries try again by themselves, and a token that takes longer means the identity endpoint is not there. */
export const TOKEN_TIMEOUT_MS = 30_000;

/** 400 characters: enough for a provider's error code and first sentence, too little for a page of HTML. */
const MAX_PROVIDER_TEXT = 400;

/**
 * Runs one request for a token under a time limit and the caller's signal.
 *
 * Whatever the library throws becomes CONNECT_TOKEN_FAILED with the provider's own words, without anything that looks
 * like a credential. An abort by the caller is passed on as it is.
 */
export async function requestToken<Result>(
  title: string,
  { signal: caller, timeoutMs = TOKEN_TIMEOUT_MS }: Pick<AuthContext, "signal"> & { timeoutMs?: number },
  request: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  caller.throwIfAborted();
  const ended = new AbortController();
  const signal = AbortSignal.any([caller, ended.signal]);
  const limit = sleep(timeoutMs, signal).then(() => {
    throw tokenFailed(title, `No answer within ${timeoutMs / 1000} s.`);
  });
  try {
    return await Promise.race([request(signal), limit]);
  } catch (error) {
    caller.throwIfAborted();
    if (error instanceof PgkeepError) throw error;
    throw tokenFailed(title, providerText(error));
  } finally {
    ended.abort();
    limit.catch(() => undefined);
  }
}

/** CONNECT_TOKEN_FAILED. `detail` must not hold credentials. */
export function tokenFailed(title: string, detail: string): PgkeepError {
  return new PgkeepError("CONNECT_TOKEN_FAILED", `could not get an access token from ${title}`, {
    detail,
    state: "not connected",
  });
}

/** A token as it must be to travel as a password: one line of visible ASCII. Throws CONNECT_TOKEN_FAILED otherwise. */
export function checkToken(title: string, token: unknown): string {
  // 64 KiB: far above any provider's token, far below what a server takes as a password message.
  if (typeof token === "string" && /^[\x21-\x7e]{1,65536}$/.test(token)) return token;
  throw tokenFailed(title, "The answer holds no usable access token.");
}

function providerText(error: unknown): string {
  if (messageOf(error) === "fetch failed") return "The endpoint could not be reached.";
  // The library stumbled over the answer; its message quotes the answer, which can be anything, a token included.
  if (error instanceof TypeError || error instanceof SyntaxError) return "The answer could not be understood.";
  const text = withoutCredentials(scrub(messageOf(error)))
    .replace(/\s+/g, " ")
    .trim();
  if (!text) return "The library gave no reason.";
  return tameLine(text.length > MAX_PROVIDER_TEXT ? `${text.slice(0, MAX_PROVIDER_TEXT)}…` : text);
}

/** Libraries quote answers and requests in their errors, and those may hold tokens nobody registered yet. */
function withoutCredentials(text: string): string {
  return text
    .replace(/(while parsing the response body|is not valid JSON).*/s, "$1")
    .replace(/(Unexpected token [^,]*), .*/s, "$1")
    .replace(
      /((?:access_token|refresh_token|id_token|client_secret|client_assertion|assertion|X-Amz-Signature|X-Amz-Security-Token)["']?\s*[=:]\s*)("[^"]*"?|'[^']*'?|[^\s&,}]+)/gi,
      `$1${SECRET_TEXT}`,
    )
    .replace(/\b(?:eyJ|ya29\.)[\w.~+/=-]+/g, SECRET_TEXT)
    .replace(LONG_OPAQUE, SECRET_TEXT);
}

/** 40 characters without a dot or slash: longer than any identifier (a UUID has 36), as long as the shortest keys. */
const LONG_OPAQUE = /[A-Za-z0-9_~+=-]{40,}/g;
