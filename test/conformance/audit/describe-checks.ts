/** Runs the cases of check-case.ts on every supported major: one server each, started when first needed. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Check, Found } from "../../../src/audit/check.ts";
import { LiveFacts } from "../../../src/audit/facts/live-facts.ts";
import { ALL_SETTINGS } from "../../../src/audit/facts/settings.ts";
import type { CheckOutcome } from "../../../src/audit/run/result.ts";
import { runCheck } from "../../../src/audit/run/run-check.ts";
import { ServerError, type Session } from "../../../src/pg/session.ts";
import { availableMajors, type Major, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import {
  type CheckCase,
  forMajor,
  isSettingCase,
  type SettingCase,
  type SqlCase,
  type WeakRole,
} from "./check-case.ts";

const AUDITOR = "lab_auditor";
const PLAIN = "lab_plain";
export const ROLE_OF = { auditor: AUDITOR, plain: PLAIN } as const;

/** What an auditor is given, and what everybody has. */
export function weakRoles(major: number): string {
  const views = ["pg_hba_file_rules", "pg_file_settings", ...(major >= 15 ? ["pg_ident_file_mappings"] : [])];
  const functions = [
    "pg_hba_file_rules",
    "pg_show_all_file_settings",
    ...(major >= 15 ? ["pg_ident_file_mappings"] : []),
  ];
  return [
    `create role ${AUDITOR} nologin`,
    `create role ${PLAIN} nologin`,
    `grant pg_monitor to ${AUDITOR}`,
    ...views.map((view) => `grant select on pg_catalog.${view} to ${AUDITOR}`),
    ...functions.map((routine) => `grant execute on function pg_catalog.${routine}() to ${AUDITOR}`),
  ].join("; ");
}

/** Registers the tests of every case file in `folder`. Call once per pillar. */
export async function describeChecks(folder: string): Promise<void> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".case.ts"));
  const cases: CheckCase[] = [];
  for (const file of files.sort()) {
    const { default: own } = await import(pathToFileURL(join(folder, file)).href);
    cases.push(...(Array.isArray(own) ? own : [own]));
  }
  for (const major of availableMajors()) describe(`PostgreSQL ${major}`, () => describeMajor(major, cases));
}

function describeMajor(major: Major, cases: readonly CheckCase[]): void {
  const present = cases.filter((each) => concerns(each, major));
  const lab = new Lab(major);
  beforeAll(() => lab.start(), 60_000);
  afterAll(() => lab.stop());
  for (const [index, checkCase] of present.entries()) {
    const nth = present.slice(0, index).filter(({ check }) => check.id === checkCase.check.id).length;
    describe(`${checkCase.check.id} ${checkCase.check.title}${nth === 0 ? "" : ` (${nth + 1})`}`, () => {
      if (isSettingCase(checkCase)) describeSetting(lab, checkCase);
      else describeSql(lab, checkCase);
    });
  }
}

function concerns({ check, majors }: CheckCase, major: number): boolean {
  if (majors !== undefined) return majors.includes(major);
  return major >= (check.since ?? 0) && major <= (check.until ?? 99);
}

function describeSql(lab: Lab, own: SqlCase): void {
  const { check, blind = [] } = own;
  const always = (): readonly string[] => forMajor(own.always ?? [], lab.major);
  const expected = (): string[] => [...always(), ...forMajor(own.finds, lab.major)].sort();

  it("fires on the defect, and is silent when its own remedy was applied", async () => {
    await lab.rolledBack(async (session) => {
      await session.script(forMajor(own.defect, lab.major));
      const found = await lab.examine(check);
      expect(objects(found)).toEqual(expected());
      expect(severities(found, check)).toMatchObject(forMajor(own.severities ?? {}, lab.major));
      await session.script(own.cure === undefined ? cureOf(found) : forMajor(own.cure, lab.major));
      expect(objects(await lab.examine(check))).toEqual([...always()].sort());
    });
  });

  it("is silent on what looks alike", async () => {
    await lab.rolledBack(async (session) => {
      await session.script(forMajor(own.lookAlike, lab.major));
      expect(objects(await lab.examine(check))).toEqual([...always()].sort());
    });
  });

  it.each(["auditor", "plain"] as const)("tells an %s the same, or that it is unknown", async (role) => {
    await lab.rolledBack(async (session) => {
      await session.script(forMajor(own.defect, lab.major));
      expectHonest(await lab.outcomeAs(check, role), { isBlind: blind.includes(role), expected: expected() });
    });
  });
}

function describeSetting(lab: Lab, own: SettingCase): void {
  const { check, blind = [] } = own;
  const expected = (): string[] => [...forMajor(own.finds, lab.major)].sort();

  it("fires on the wrong value, to everybody who may know, and is silent when its own remedy was applied", async () => {
    await lab.withSettings(forMajor(own.wrong, lab.major), own.restarts ?? false, async () => {
      const found = await lab.examine(check);
      expect(objects(found)).toEqual(expected());
      expect(severities(found, check)).toMatchObject(forMajor(own.severities ?? {}, lab.major));
      for (const role of ["auditor", "plain"] as const) {
        expectHonest(await lab.outcomeAs(check, role), { isBlind: blind.includes(role), expected: expected() });
      }
      const cure = own.cure === undefined ? settingsOf(found) : Object.entries(forMajor(own.cure, lab.major));
      await lab.applySettings(cure, own.restarts ?? false);
      expect(objects(await lab.examine(check))).toEqual([]);
    });
  });

  it("is silent on what looks alike", async () => {
    await lab.withSettings(forMajor(own.right, lab.major), own.restarts ?? false, async () => {
      expect(objects(await lab.examine(check))).toEqual([]);
    });
  });
}

/** A weaker role never passes what a superuser fails, and never gets a shorter list. */
function expectHonest(outcome: CheckOutcome, { isBlind, expected }: { isBlind: boolean; expected: string[] }): void {
  if (isBlind) expect(outcome).toMatchObject({ status: "unknown", reason: expect.any(String) });
  else expect(outcome.status === "fail" ? objects(outcome.found) : outcome).toEqual(expected);
}

const objects = (found: readonly Found[]): string[] => found.map(({ object }) => object).sort();

function severities(found: readonly Found[], check: Check): Record<string, string> {
  return Object.fromEntries(found.map(({ object, severity }) => [object, severity ?? check.severity]));
}

/** The statements of the findings, each once. */
function cureOf(found: readonly Found[]): string {
  const statements = found.flatMap(({ fix }) => {
    if (fix?.kind === "sql") return fix.sql;
    if (fix?.kind === "revoke") return [fix.sql];
    throw new Error(`the finding has no statements to cure it: ${JSON.stringify(fix)}; give the case a "cure"`);
  });
  return [...new Set(statements)].join(";\n");
}

/** The values that the findings propose. */
function settingsOf(found: readonly Found[]): (readonly [string, string | null])[] {
  return found.map(({ object, fix }) => {
    if (fix?.kind === "setting") return [fix.name, fix.value] as const;
    throw new Error(`the finding about ${object} has no setting to cure it; give the case a "cure"`);
  });
}

/** One server of one major with the two weak roles. */
class Lab {
  readonly major: Major;
  #cluster: TestCluster | undefined;
  #session: Session | undefined;

  constructor(major: Major) {
    this.major = major;
  }

  async start(): Promise<void> {
    this.#cluster = await startCluster({ major: this.major });
    this.#session = await connectTo(this.#cluster);
    await this.#session.script(weakRoles(this.major));
  }

  async stop(): Promise<void> {
    await this.#session?.close();
    await this.#cluster?.stop();
  }

  get #open(): Session {
    if (this.#session === undefined) throw new Error("the server did not start");
    return this.#session;
  }

  /** A transaction of the superuser that leaves nothing behind. */
  async rolledBack(work: (session: Session) => Promise<void>): Promise<void> {
    const session = this.#open;
    await session.script("begin");
    try {
      await work(session);
    } finally {
      await session.script("rollback");
    }
  }

  /** What the check finds as the superuser; unknown and not applicable are failures of the test. */
  async examine(check: Check): Promise<readonly Found[]> {
    const outcome = await this.#outcome(check);
    if (outcome.status === "pass") return [];
    if (outcome.status === "fail") return outcome.found;
    throw new Error(`${check.id} is ${outcome.status}: ${outcome.reason}`);
  }

  async outcomeAs(check: Check, role: WeakRole): Promise<CheckOutcome> {
    const session = this.#open;
    const isInside = session.transactionStatus() === "transaction";
    if (!isInside) await session.script("begin");
    await session.script(`set local role ${ROLE_OF[role]}`);
    try {
      return await this.#outcome(check);
    } finally {
      await session.script(isInside ? "reset role" : "rollback");
    }
  }

  async #outcome(check: Check): Promise<CheckOutcome> {
    const session = guarded(this.#open);
    const settings = await session.query(ALL_SETTINGS);
    const { host, port } = session.target;
    const facts = await LiveFacts.of(session, {
      now: new Date("2026-11-21T12:00:00Z"),
      declared: {},
      settings: [settings],
      line: { transport: "tcp", host, port, isLoopback: true, tls: undefined, sslMode: "disable", authentication: "" },
    });
    return await runCheck(check, facts);
  }

  /** Runs `work` while the server has `values`, and takes them back. */
  async withSettings(
    values: Readonly<Record<string, string>>,
    restarts: boolean,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await this.#alterSystem(Object.entries(values), restarts);
      await work();
    } finally {
      await this.#open.query("alter system reset all");
      await this.#takeEffect(restarts);
    }
  }

  async applySettings(values: readonly (readonly [string, string | null])[], restarts: boolean): Promise<void> {
    await this.#alterSystem(values, restarts);
  }

  async #alterSystem(values: readonly (readonly [string, string | null])[], restarts: boolean): Promise<void> {
    for (const [name, value] of values) {
      const to = value === null ? `reset ${name}` : `set ${name} = '${value.replaceAll("'", "''")}'`;
      await this.#open.query(`alter system ${to}`);
    }
    await this.#takeEffect(restarts);
  }

  /** After a reload sessions follow within moments; a new one starts with the new values. */
  async #takeEffect(restarts: boolean): Promise<void> {
    if (restarts) {
      // A crash forgets what was committed in the last moments, since these servers do not wait for the disk.
      await this.#open.query("checkpoint");
      await this.#session?.close();
      await this.#cluster?.crash();
    } else {
      const before = await this.#open.query("select pg_conf_load_time() as at");
      await this.#open.query("select pg_reload_conf()");
      await this.#loaded(before[0]?.at ?? "");
      await this.#session?.close();
    }
    if (this.#cluster !== undefined) this.#session = await connectTo(this.#cluster);
  }

  async #loaded(before: string): Promise<void> {
    for (let attempt = 0; attempt < 3_000; attempt++) {
      const [row] = await this.#open.query("select pg_conf_load_time() as at");
      if (row?.at !== before) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error("the server did not load its configuration");
  }
}

/** A refused question must not end the transaction that the case lives in. */
export function guarded(session: Session): Session {
  const query: Session["query"] = async (text, values) => {
    if (session.transactionStatus() !== "transaction") return await session.query(text, values);
    await session.query("savepoint asked");
    try {
      const rows = await session.query(text, values);
      await session.query("release savepoint asked");
      return rows;
    } catch (error) {
      if (error instanceof ServerError) await session.query("rollback to savepoint asked");
      throw error;
    }
  };
  return new Proxy(session, {
    get: (target, name) => {
      if (name === "query") return query;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
