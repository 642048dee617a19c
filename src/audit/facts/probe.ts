/**
 * What the server answers to connections that are no sessions. Made only with --probe: they leave lines in its log, and
 * may look like an attack to whoever watches it.
 *
 * What they show holds for the address they come from, which `from` names. Where there is no answer, `gaps` says why, and
 * no check takes that for a good one.
 */
import { type ProbeArea, probe, type ServerProbe } from "../../net/server-probe/probe-server.ts";
import { NotApplicable, Unanswered } from "../run/answers.ts";
import type { Facts } from "./facts.ts";
import { isLoopbackAddress, type LineFacts } from "./line.ts";

export type {
  AcceptedSuite,
  Demand,
  LoginProbe,
  ProbeArea,
  ProbedVersion,
} from "../../net/server-probe/probe-server.ts";

export interface ProbeFacts extends ServerProbe {
  isLoopback: boolean;
}

export interface ProbeOptions {
  /** The line of the session: where the probes go. */
  line: LineFacts;
  database: string;
  /** Roles that exist, the connecting one first. */
  roles: readonly string[];
  signal: AbortSignal;
}

/** Probes the server that `line` goes to. Throws Unanswered on a Unix socket, and the signal's reason. */
export async function probeServer({ line, database, roles, signal }: ProbeOptions): Promise<ProbeFacts> {
  const { transport, host, address, port } = line;
  if (transport !== "tcp" || address === undefined) {
    throw new Unanswered("probes need a network address, and this connection is a Unix socket; name a host with -h");
  }
  const answers = await probe({ host, address, port, database, roles, signal });
  return { ...answers, isLoopback: isLoopbackAddress(address) };
}

/**
 * Throws when the probes of this run are none: NotApplicable on a server that listens on no network address, which nobody
 * could ask, else Unanswered with `reason`.
 */
export async function requireProbes(facts: Facts, reason: string): Promise<void> {
  if (facts.has("network")) return;
  const { transport } = facts.line();
  const listens = transport === "socket" ? await listenAddresses(facts) : undefined;
  if (listens === "") throw new NotApplicable("the server listens on no network address");
  throw new Unanswered(reason, "network");
}

/** undefined: not shown to this run. */
async function listenAddresses(facts: Facts): Promise<string | undefined> {
  try {
    return (await facts.settings()).value("listen_addresses").trim();
  } catch (error) {
    if (error instanceof Unanswered || error instanceof NotApplicable) return undefined;
    throw error;
  }
}

/** Throws Unanswered when one of `areas` has no answer. For checks that found nothing. */
export function requireAnswers({ gaps }: ProbeFacts, areas: readonly ProbeArea[]): void {
  const area = areas.find((name) => gaps[name] !== undefined);
  if (area !== undefined) throw new Unanswered(`the probe of ${area} has no answer: ${gaps[area]}`);
}
