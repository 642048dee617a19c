/** One check on a real server as a run would have it: with the line of its own session, and with probes when wanted. */
import type { Check } from "../../../src/audit/check.ts";
import { localHost } from "../../../src/audit/facts/host.ts";
import { lineOf } from "../../../src/audit/facts/line.ts";
import { type ProbeFacts, probeServer } from "../../../src/audit/facts/probe.ts";
import type { Profile } from "../../../src/audit/ratings.ts";
import type { CheckOutcome } from "../../../src/audit/run/result.ts";
import type { ConnectionSettings } from "../../../src/pg/session.ts";
import { outcomeOn } from "../audited.ts";
import type { TestCluster } from "../cluster.ts";
import { clusterSettings, connectTo } from "../connection.ts";

export interface LiveRun {
  /** Default: no TLS asked for. */
  connection?: Partial<ConnectionSettings>;
  /** Whether the run probes. Default false. */
  probes?: boolean;
  /** Probes once for all runs that share it, while the server stays as it is. */
  memory?: { probe?: Promise<ProbeFacts> };
  /** Roles that exist, to probe with. Default: the superuser. */
  roles?: readonly string[];
  /** Whether the run looks at the host. Default false. */
  host?: boolean;
  /** Default: now. */
  now?: Date;
  profile?: Profile;
  certificateDays?: number;
}

export async function liveOutcome(cluster: TestCluster, check: Check, run: LiveRun = {}): Promise<CheckOutcome> {
  const { connection = {}, probes = false, certificateDays, profile } = run;
  await using session = await connectTo(cluster, connection);
  const line = lineOf(session, clusterSettings(cluster, connection));
  const { host: address, port } = cluster;
  // A session by the socket may be the only one that a rule lets in; probes go to the port.
  const target =
    line.transport === "socket" ? { ...line, transport: "tcp" as const, host: address, address, port } : line;
  const signal = new AbortController().signal;
  const options = { line: target, database: "postgres", roles: run.roles ?? ["postgres"], signal };
  const host = run.host ? await localHost(session, { line, isAsked: true }) : undefined;
  return await outcomeOn(session, check, {
    now: run.now ?? new Date(),
    declared: { certificateDays },
    line,
    profile,
    ...(probes ? { probe: () => remembered(run.memory, () => probeServer(options)) } : {}),
    ...(host === undefined ? {} : { host }),
  });
}

function remembered(memory: LiveRun["memory"], ask: () => Promise<ProbeFacts>): Promise<ProbeFacts> {
  if (memory === undefined) return ask();
  memory.probe ??= ask();
  return memory.probe;
}

/** Objects with the detail of each; empty when the check passed, the reason when it has no answer. */
export function told(outcome: CheckOutcome): Record<string, string> | string {
  if (outcome.status === "pass") return {};
  if (outcome.status === "fail") return Object.fromEntries(outcome.found.map(({ object, detail }) => [object, detail]));
  return `${outcome.status}: ${outcome.reason}`;
}
