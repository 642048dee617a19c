/**
 * Connections that a pipeline's configuration names: a remote inbox.
 *
 * Stricter than the operator's own connection, because whoever may edit a pipeline is not the operator: nothing of this
 * process's environment takes part, TLS is verified unless the string says otherwise in so many words, and modes
 * that fall back to clear text unasked do not exist.
 */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { registerConnectionString } from "../../config/environment.ts";
import { type ResolvedConnection, resolveConnection } from "../../pg/connect/resolve.ts";

const OPPORTUNISTIC: ReadonlySet<string> = new Set(["allow", "prefer"]);

/** Resolves `url`; connects to nothing. Throws CONFIG_VALUE_INVALID and what resolving throws. */
export function resolveStrictly(
  url: string,
  { workingDirectory, signal, clock }: Pick<OperationContext, "workingDirectory" | "signal" | "clock">,
): Promise<ResolvedConnection> {
  registerConnectionString(url);
  const mode = /(?:[?&]|\b)sslmode\s*=\s*'?([a-z-]+)/i.exec(url)?.[1]?.toLowerCase();
  if (mode !== undefined && OPPORTUNISTIC.has(mode)) {
    throw new PgkeepError("CONFIG_VALUE_INVALID", `sslmode=${mode} is not used here`, {
      detail: "It would send everything in clear text as soon as somebody on the way suppresses TLS.",
      hint: "Write sslmode=verify-full, or sslmode=disable where no network lies between.",
      state: "nothing was started",
    });
  }
  const request = { connection: url, ...(mode === undefined ? { sslmode: "verify-full" } : {}) };
  return resolveConnection(request, {
    environment: {},
    workingDirectory,
    signal,
    clock,
    applicationName: "pgkeep relay",
  });
}
