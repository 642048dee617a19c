/**
 * What the server answers to connections that are no sessions. Made only with --probe: they leave lines in its log, and
 * may look like an attack to whoever watches it.
 *
 * What they show holds for the address they come from, which `from` names. Where there is no answer, `gaps` says why, and
 * no check takes that for a good one.
 */
import { probe, type ServerProbe } from "../../net/server-probe/probe-server.ts";
import { Unanswered } from "../answers.ts";
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
