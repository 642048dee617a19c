/** Audits of tests: all checks of a profile on a real server, as whoever the settings say. */
import { lineOf } from "../../../src/audit/facts/line.ts";
import type { Surroundings } from "../../../src/audit/facts/live-facts.ts";
import type { Profile } from "../../../src/audit/ratings.ts";
import type { CheckResult } from "../../../src/audit/run/result.ts";
import { type AuditRun, chooseChecks, runAudit } from "../../../src/audit/run/run-audit.ts";
import type { ConnectionSettings } from "../../../src/pg/session.ts";
import type { TestCluster } from "../cluster.ts";
import { clusterSettings, connectTo } from "../connection.ts";

export interface LabAudit {
  /** Whom to connect as, where, how; over the cluster's own. */
  connection?: Partial<ConnectionSettings>;
  profile?: Profile;
  only?: readonly string[];
  isOneDatabase?: boolean;
  surroundings?: Partial<Omit<Surroundings, "settings">>;
}

/** 2026-11-21: the day that certificates and tables of the tests are made for. */
export const AUDIT_DAY = new Date("2026-11-21T12:00:00Z");

/** Runs an audit of `cluster`. */
export async function auditOf(cluster: TestCluster, options: LabAudit = {}): Promise<AuditRun> {
  const { connection = {}, profile = "default", only = [], isOneDatabase = false, surroundings = {} } = options;
  const settings = clusterSettings(cluster, connection);
  return await runAudit({
    checks: await chooseChecks({ profile, only }),
    open: (database, serverSettings = {}) =>
      connectTo(cluster, { ...connection, serverSettings, ...(database === undefined ? {} : { database }) }),
    isOneDatabase,
    surroundings: async (session) => ({
      now: AUDIT_DAY,
      declared: {},
      line: lineOf(session, settings),
      ...surroundings,
    }),
    signal: new AbortController().signal,
  });
}

/** "ROL-001@shop": one check in one place. */
export function placeOf({ check, database }: CheckResult): string {
  return `${check.id}@${database ?? ""}`;
}

/** What failed: each place with its objects, sorted. */
export function failuresOf({ results }: AuditRun): ReadonlyMap<string, readonly string[]> {
  return new Map(
    results.flatMap((result) =>
      result.outcome.status === "fail"
        ? [[placeOf(result), result.outcome.found.map(({ object }) => object).sort()] as const]
        : [],
    ),
  );
}

/** The status of each place. */
export function statusesOf({ results }: AuditRun): ReadonlyMap<string, string> {
  return new Map(results.map((result) => [placeOf(result), result.outcome.status]));
}
