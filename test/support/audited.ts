/**
 * Facts for tests of single checks that need a run of their own: a server with special settings, a host, declarations, a
 * moved clock. Cases that fit a transaction or ALTER SYSTEM are *.case.ts and need none of this.
 */
import type { Check, Found } from "../../src/audit/check.ts";
import { VERSION_TABLE } from "../../src/audit/data/versions.ts";
import type { Declarations } from "../../src/audit/facts/declarations.ts";
import type { Facts, ServerIdentity } from "../../src/audit/facts/facts.ts";
import type { HostFacts } from "../../src/audit/facts/host.ts";
import type { LineFacts } from "../../src/audit/facts/line.ts";
import { LiveFacts, type Surroundings } from "../../src/audit/facts/live-facts.ts";
import { ALL_SETTINGS, type Setting, Settings } from "../../src/audit/facts/settings.ts";
import type { RightName } from "../../src/audit/rights.ts";
import type { CheckOutcome } from "../../src/audit/run/result.ts";
import { runCheck } from "../../src/audit/run/run-check.ts";
import type { Session, TextRow } from "../../src/pg/session.ts";
import type { TestCluster } from "./cluster.ts";
import { connectTo } from "./connection.ts";

export const LOCAL_LINE: LineFacts = {
  transport: "tcp",
  host: "127.0.0.1",
  port: 5432,
  isLoopback: true,
  tls: undefined,
  sslMode: "disable",
  authentication: "",
};

export const NOON = new Date("2026-11-21T12:00:00Z");

/** Facts of the server behind `session`; `more` wins. */
export async function factsOf(session: Session, more: Partial<Surroundings> = {}): Promise<LiveFacts> {
  const settings = await session.query(ALL_SETTINGS);
  return await LiveFacts.of(session, { now: NOON, declared: {}, line: LOCAL_LINE, settings: [settings], ...more });
}

/** What becomes of `check` on the server behind `session`. */
export async function outcomeOn(
  session: Session,
  check: Check,
  more: Partial<Surroundings> = {},
): Promise<CheckOutcome> {
  return await runCheck(check, await factsOf(session, more));
}

/** One connection, one check. */
export async function outcomeAt(
  cluster: TestCluster,
  check: Check,
  more: Partial<Surroundings> & { database?: string } = {},
): Promise<CheckOutcome> {
  const { database = "postgres", ...surroundings } = more;
  await using session = await connectTo(cluster, { database });
  return await outcomeOn(session, check, surroundings);
}

/** As a role without any right. */
export async function outcomeAsNobody(cluster: TestCluster, check: Check): Promise<CheckOutcome> {
  await using session = await connectTo(cluster);
  await session.script("begin; create role lab_nobody; set local role lab_nobody");
  try {
    return await outcomeOn(session, check);
  } finally {
    await session.script("rollback");
  }
}

/** Objects of a failed check, sorted; of a passed one none. Throws for every other outcome. */
export function objectsOf(outcome: CheckOutcome): string[] {
  return foundOf(outcome)
    .map(({ object }) => object)
    .sort();
}

export function foundOf(outcome: CheckOutcome): readonly Found[] {
  if (outcome.status === "pass") return [];
  if (outcome.status === "fail") return outcome.found;
  throw new Error(`the check is ${outcome.status}: ${outcome.reason}`);
}

interface MadeUp {
  server?: Partial<ServerIdentity>;
  settings?: Readonly<Record<string, string>>;
  declared?: Declarations;
  now?: Date;
  versions?: Facts["versions"];
  query?: (sql: string) => Promise<readonly TextRow[]>;
  /** Default: not looked at, as over a network. */
  host?: HostFacts;
  /** Default: all but "host". */
  rights?: readonly RightName[];
}

/** Facts of a server that nobody can start here: an unknown major, a directory mode that the server refuses. */
export function madeUpFacts(made: MadeUp): Facts {
  const unused = (): never => {
    throw new Error("this test makes no such fact up");
  };
  const setting = (name: string, value: string): Setting => ({
    name,
    value,
    context: "sighup",
    source: "configuration file",
    place: undefined,
    isPending: false,
  });
  const entries = Object.entries(made.settings ?? {}).map(([name, value]) => [name, setting(name, value)] as const);
  return {
    server: () => ({
      versionNumber: 170_010,
      major: 17,
      version: "17.10",
      isStandby: false,
      provider: undefined,
      ...made.server,
    }),
    database: "postgres",
    now: made.now ?? NOON,
    versions: made.versions ?? VERSION_TABLE,
    declared: made.declared ?? {},
    has: (right) => (right === "host" ? made.host !== undefined : (made.rights?.includes(right) ?? true)),
    require: () => {},
    query: made.query ?? (async () => []),
    settings: async () => new Settings(new Map(entries)),
    roles: unused,
    hba: unused,
    ident: unused,
    line: () => LOCAL_LINE,
    probe: unused,
    host: async () => made.host ?? unused(),
    drift: unused,
  };
}
