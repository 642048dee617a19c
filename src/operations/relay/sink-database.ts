/**
 * Connections that a pipeline's configuration names: a remote inbox.
 *
 * Stricter than the operator's own connection, because whoever may edit a pipeline is not the operator: nothing of this
 * process's environment takes part, TLS is verified unless the string says otherwise in so many words, and modes
 * that fall back to clear text unasked do not exist. Of this host's files the string can name certificates and keys
 * below the secret roots and nothing else: a password file would hand its passwords to whatever server the
 * string names, and a device never ends.
 */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { registerConnectionString } from "../../config/environment.ts";
import secretFiles from "../../config/providers/file.ts";
import { ReferenceFailure } from "../../config/providers/provider.ts";
import { type ConnectionParameters, parseConnectionString } from "../../pg/connect/connection-string.ts";
import { type ResolvedConnection, resolveConnection } from "../../pg/connect/resolve.ts";

const OPPORTUNISTIC: ReadonlySet<string> = new Set(["allow", "prefer"]);

/** Files of the operator's own connections. */
const OPERATORS_FILES = ["passfile", "service", "servicefile", "sslcrldir", "sslkeylogfile"];
/** Files that may stand below a secret root. */
const PEM_FILES = ["sslrootcert", "sslcert", "sslkey", "sslcrl"];
/** 1 MiB: bundles of certificates. */
const MAX_PEM_BYTES = 2 ** 20;

/** Resolves `url`; connects to nothing. Throws CONFIG_VALUE_INVALID and what resolving throws. */
export async function resolveStrictly(
  url: string,
  { workingDirectory, signal, clock }: Pick<OperationContext, "workingDirectory" | "signal" | "clock">,
  secretRoots: readonly string[] = [],
): Promise<ResolvedConnection> {
  registerConnectionString(url);
  const { parameters } = parseConnectionString(url, "the pipeline's configuration");
  await checkFiles(parameters, secretRoots);
  const mode = parameters.get("sslmode");
  if (mode !== undefined && OPPORTUNISTIC.has(mode)) {
    throw new PgkeepError("CONFIG_VALUE_INVALID", `sslmode=${mode} is not used here`, {
      detail: "It would send everything in clear text as soon as somebody on the way suppresses TLS.",
      hint: "Write sslmode=verify-full, or sslmode=disable where no network lies between.",
      state: "nothing was started",
    });
  }
  const request = { connection: url };
  return resolveConnection(request, {
    // Not the process's: the place of a default that the string does not contradict.
    environment: mode === undefined ? { PGSSLMODE: "verify-full" } : {},
    workingDirectory,
    signal,
    clock,
    applicationName: "pgkeep relay",
  });
}

async function checkFiles(parameters: ConnectionParameters, secretRoots: readonly string[]): Promise<void> {
  const named = OPERATORS_FILES.find((keyword) => parameters.has(keyword));
  if (named !== undefined) throw refusedFile(named, "It names a file of this host, which a pipeline cannot.");
  for (const keyword of PEM_FILES) {
    const path = parameters.get(keyword);
    if (path === undefined || (keyword === "sslrootcert" && path === "system")) continue;
    try {
      await secretFiles.resolve(path, { environment: {}, secretRoots, maxFileBytes: MAX_PEM_BYTES });
    } catch (error) {
      throw refusedFile(keyword, error instanceof ReferenceFailure ? error.message : "The file could not be read.");
    }
  }
}

function refusedFile(keyword: string, detail: string): PgkeepError {
  return new PgkeepError("CONFIG_VALUE_INVALID", `${keyword} of a pipeline's connection string is refused`, {
    detail,
    hint: "Put the password in as ${env:NAME} or ${file:/run/secrets/name}, certificates below a --secret-root.",
    state: "nothing was started",
  });
}
