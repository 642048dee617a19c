/**
 * The way to the server, step by step: name, address, port, TLS, authentication. Each step that works is said, so the
 * first one that does not is the place to look.
 */
import { lookup } from "node:dns/promises";
import { createConnection } from "node:net";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { connectedEvent } from "../../pg/connect/connected.ts";
import { openSession } from "../../pg/connect/open.ts";
import type { ConnectionSettings, HostAddress, Session } from "../../pg/session.ts";
import { type Check, checksOf } from "./check.ts";

const { ok, warn, fail, unknown } = checksOf("connection");

/** 5 s: a port that has not answered by then is filtered. */
const TCP_LIMIT_MS = 5_000;

export interface Reached {
  checks: Check[];
  /** Open when everything up to authentication worked. The caller closes it. */
  session: Session | undefined;
}

/** Walks the way to the first host of `settings`. Never throws for a server that cannot be reached. */
export async function reachServer(settings: ConnectionSettings, context: OperationContext): Promise<Reached> {
  const checks: Check[] = [];
  const [address] = settings.hosts;
  if (address && !address.host.startsWith("/")) {
    checks.push(await resolveName(address));
    if (checks.every(({ status }) => status === "ok")) checks.push(await knock(address, context.signal));
    context.signal.throwIfAborted();
    if (checks.some(({ status }) => status === "fail"))
      return { checks: [...checks, ...skipped()], session: undefined };
  }
  try {
    const session = await openSession(settings, { signal: context.signal, clock: context.clock });
    context.report(connectedEvent(session));
    return { checks: [...checks, ...described(session)], session };
  } catch (error) {
    if (!(error instanceof PgkeepError) || context.signal.aborted) throw error;
    return { checks: [...checks, failure(error)], session: undefined };
  }
}

const skipped = (): Check[] => [
  unknown("TLS", "not asked: the port could not be reached"),
  unknown("authentication", "not asked: the port could not be reached"),
];

async function resolveName({ host }: HostAddress): Promise<Check> {
  try {
    const addresses = await lookup(host, { all: true });
    return ok("name", `${host} is ${addresses.map(({ address }) => address).join(", ")}`);
  } catch (error) {
    return fail(
      "name",
      `${host} cannot be resolved (${errorCodeOf(error) ?? "no reason given"})`,
      "Check the host's name and this machine's DNS.",
    );
  }
}

/** Opens and closes a TCP connection, to tell a network that is closed from a server that refuses. */
function knock({ host, port }: HostAddress, signal: AbortSignal): Promise<Check> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const end = (check: Check): void => {
      socket.destroy();
      resolve(check);
    };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TCP_LIMIT_MS)]);
    const filtered = fail("port", `${host}:${port} did not answer`, "Look for a firewall between here and the server.");
    limit.addEventListener("abort", () => end(filtered), { once: true });
    socket.once("connect", () => end(ok("port", `${host}:${port} accepts connections`)));
    socket.once("error", (error) =>
      end(
        fail(
          "port",
          `${host}:${port} refused (${errorCodeOf(error) ?? "no reason given"})`,
          `Start the server, or correct the port: pg_isready -h ${host} -p ${port}`,
        ),
      ),
    );
  });
}

/** The step that failed, told by its code: TLS comes before authentication. */
function failure(error: PgkeepError): Check {
  const what = error.code.startsWith("CONNECT_TLS") ? "TLS" : "authentication";
  return fail(what, `${error.message} (${error.code})`, error.parts.hint ?? `pgkeep explain ${error.code}`);
}

function described(session: Session): Check[] {
  return [tlsCheck(session), authenticationCheck(session)];
}

function tlsCheck({ target }: Session): Check {
  const { tls, host } = target;
  if (host.startsWith("/")) return ok("TLS", "not needed on a Unix socket");
  const fix = "Use --sslmode verify-full with --sslrootcert.";
  if (!tls) return warn("TLS", "none: whoever is on the way can read and change everything", fix);
  if (!tls.verified) return warn("TLS", `${tls.protocol}, but the server's certificate was not verified`, fix);
  return ok("TLS", `${tls.protocol}, certificate verified`);
}

/** Methods that an eavesdropper or a stolen table can turn into a login. */
const WEAK_METHODS = new Set(["md5", "password"]);

function authenticationCheck({ target }: Session): Check {
  const { authentication: method, user } = target;
  if (WEAK_METHODS.has(method))
    return warn(
      "authentication",
      `${method}, as ${user}`,
      "Set password_encryption to scram-sha-256 and change the password.",
    );
  if (method === "none")
    return warn("authentication", `the server asked for nothing, as ${user}`, "Replace trust in pg_hba.conf.");
  return ok("authentication", `${method}, as ${user}`);
}
