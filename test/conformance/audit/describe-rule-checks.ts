/** Runs the cases of rule-case.ts: on files alone for every major, and on one real server of each. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Check, Found } from "../../../src/audit/check.ts";
import type { Facts } from "../../../src/audit/facts/facts.ts";
import { LiveFacts } from "../../../src/audit/facts/live-facts.ts";
import { offlineFacts } from "../../../src/audit/facts/offline-facts.ts";
import { ALL_SETTINGS } from "../../../src/audit/facts/settings.ts";
import type { CheckOutcome } from "../../../src/audit/run/result.ts";
import { runCheck } from "../../../src/audit/run/run-check.ts";
import type { Session } from "../../../src/pg/session.ts";
import { availableMajors, type Major, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { memoryFiles } from "../../support/memory-files.ts";
import { forMajor } from "./check-case.ts";
import { guarded, ROLE_OF, weakRoles } from "./describe-checks.ts";
import type { RuleCase } from "./rule-case.ts";

const MAJORS = [14, 15, 16, 17, 18] as const;
const NOW = new Date("2026-11-21T12:00:00Z");

/** Both files of one moment. */
interface Files {
  hba: readonly string[];
  ident: readonly string[];
}

/** Registers the tests of every case file in `folder`. */
export async function describeRuleChecks(folder: string): Promise<void> {
  const cases: RuleCase[] = [];
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith(".rules.ts")) continue;
    const { default: own } = await import(pathToFileURL(join(folder, file)).href);
    cases.push(...(Array.isArray(own) ? own : [own]));
  }
  describe("files alone", () => {
    for (const ruleCase of cases) describe(titleOf(ruleCase), () => describeOffline(ruleCase));
  });
  for (const major of availableMajors()) describe(`PostgreSQL ${major}`, () => describeServer(major, cases));
}

const titleOf = ({ check, title }: RuleCase): string => [check.id, title ?? check.title].join(" ");

const concerns = ({ since = 0, until = 99 }: Check, major: number): boolean => since <= major && major <= until;

function describeOffline(own: RuleCase): void {
  for (const major of MAJORS.filter((each) => concerns(own.check, each))) {
    const judge = (files: Files): Promise<CheckOutcome> => runCheck(own.check, factsOfFiles(files, major));
    if (own.offline === "unknown") {
      it(`are not enough, PostgreSQL ${major}`, async () => {
        expect(await judge(defectOf(own))).toMatchObject({ status: "unknown" });
      });
    } else {
      it(`show it, PostgreSQL ${major}`, async () => {
        const found = foundIn(await judge(defectOf(own)));
        expectFound(found, own, major);
        expect(await judge(curedBy(own, found))).toEqual({ status: "pass" });
        expect(await judge(lookAlikeOf(own))).toEqual({ status: "pass" });
      });
    }
  }
}

function factsOfFiles({ hba, ident }: Files, major: number): Facts {
  const files = memoryFiles({ "/etc/pg_hba.conf": text(hba), "/etc/pg_ident.conf": text(ident) });
  const sources = { hba: "/etc/pg_hba.conf", ident: "/etc/pg_ident.conf", version: String(major), files };
  return offlineFacts({ ...sources, now: NOW, declared: {} });
}

function describeServer(major: Major, cases: readonly RuleCase[]): void {
  const lab = new RuleLab(major);
  beforeAll(() => lab.start(), 60_000);
  afterAll(() => lab.stop());
  const present = cases.filter(({ check, majors }) => (majors ?? [major]).includes(major) && concerns(check, major));
  it.each(present.map((each) => [titleOf(each), each] as const))("%s", async (_, own) => {
    await lab.rolledBack(own.sql ?? "", async () => {
      lab.write(defectOf(own));
      const found = foundIn(await lab.judge(own.check, "superuser"));
      expectFound(found, own, major);
      expectHonest(await lab.judge(own.check, "auditor"), own, major);
      expect(await lab.judge(own.check, "plain"), "a plain role").toMatchObject({ status: "unknown" });

      lab.write(curedBy(own, found));
      expect(await lab.judge(own.check, "superuser"), "cured").toEqual({ status: "pass" });

      lab.write(lookAlikeOf(own));
      expect(await lab.judge(own.check, "superuser"), "look-alike").toEqual({ status: "pass" });
    });
  });
}

function expectHonest(outcome: CheckOutcome, own: RuleCase, major: number): void {
  const needsIdent = own.ident !== undefined && major < 15;
  if (own.auditor === "unknown" || needsIdent) expect(outcome, "the auditor").toMatchObject({ status: "unknown" });
  else expect(objectsOf(foundIn(outcome)), "the auditor").toEqual([...forMajor(own.finds, major)].sort());
}

const defectOf = ({ hba, ident = [] }: RuleCase): Files => ({ hba, ident });
const lookAlikeOf = ({ lookAlike, lookAlikeIdent = [] }: RuleCase): Files => ({
  hba: lookAlike,
  ident: lookAlikeIdent,
});

/** The files after the findings' own remedies, or the case's. */
function curedBy(own: RuleCase, found: readonly Found[]): Files {
  const { cure, cureIdent } = own;
  if (cure !== undefined || cureIdent !== undefined) {
    return { hba: cure ?? own.hba, ident: cureIdent ?? own.ident ?? [] };
  }
  return { hba: fixed(own.hba, found, /hba/), ident: fixed(own.ident ?? [], found, /ident/) };
}

/** Lines with the changes that the fixes for that file ask for; lines are counted as they were. */
function fixed(lines: readonly string[], found: readonly Found[], name: RegExp): readonly string[] {
  const before = new Map<number, string[]>();
  const instead = new Map<number, readonly string[]>();
  for (const { object, fix } of found) {
    if (fix?.kind !== "file") throw new Error(`the finding about ${object} has no lines to cure it`);
    if (!name.test(fix.file.split("/").at(-1) ?? "")) continue;
    const [, verb, line, target] =
      /^(replace|delete|move|put before) line (\d+)(?: by| before line (\d+))?$/.exec(fix.how) ?? [];
    if (verb === undefined) throw new Error(`nobody can follow "${fix.how}"`);
    const at = Number(verb === "move" ? target : line);
    if (verb !== "put before") instead.set(Number(line), verb === "replace" ? fix.lines : []);
    if (verb === "move" || verb === "put before") before.set(at, [...(before.get(at) ?? []), ...fix.lines]);
  }
  return lines.flatMap((line, index) => [...(before.get(index + 1) ?? []), ...(instead.get(index + 1) ?? [line])]);
}

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

function foundIn(outcome: CheckOutcome): readonly Found[] {
  if (outcome.status === "pass") return [];
  if (outcome.status === "fail") return outcome.found;
  throw new Error(`${outcome.status}: ${outcome.reason}`);
}

const objectsOf = (found: readonly Found[]): string[] => found.map(({ object }) => object).sort();

function expectFound(found: readonly Found[], own: RuleCase, major: number): void {
  expect(objectsOf(found)).toEqual([...forMajor(own.finds, major)].sort());
  const severities = Object.fromEntries(found.map((each) => [each.object, each.severity ?? own.check.severity]));
  expect(severities).toMatchObject(own.severities ?? {});
  for (const { object, place } of found)
    expect(place, `the place of ${object}`).toMatchObject({ line: expect.any(Number) });
}

/** One server of one major whose files the cases write. Nothing is loaded: its views read the files themselves. */
class RuleLab {
  readonly #major: Major;
  #cluster: TestCluster | undefined;
  #session: Session | undefined;

  constructor(major: Major) {
    this.#major = major;
  }

  async start(): Promise<void> {
    this.#cluster = await startCluster({ major: this.#major });
    this.#session = await connectTo(this.#cluster);
    await this.#session.script(weakRoles(this.#major));
  }

  async stop(): Promise<void> {
    await this.#session?.close();
    await this.#cluster?.stop();
  }

  get #open(): Session {
    if (this.#session === undefined) throw new Error("the server did not start");
    return this.#session;
  }

  write({ hba, ident }: Files): void {
    const directory = this.#cluster?.dataDir ?? "";
    writeFileSync(join(directory, "pg_hba.conf"), text(hba));
    writeFileSync(join(directory, "pg_ident.conf"), text(ident));
  }

  async rolledBack(sql: string, work: () => Promise<void>): Promise<void> {
    const session = this.#open;
    await session.script("begin");
    try {
      if (sql !== "") await session.script(sql);
      await work();
    } finally {
      await session.script("rollback");
    }
  }

  async judge(check: Check, as: "superuser" | "auditor" | "plain"): Promise<CheckOutcome> {
    if (as !== "superuser") await this.#open.script(`set local role ${ROLE_OF[as]}`);
    try {
      const session = guarded(this.#open);
      const { host, port } = session.target;
      const facts = await LiveFacts.of(session, {
        now: NOW,
        declared: {},
        settings: [await session.query(ALL_SETTINGS)],
        line: {
          transport: "tcp",
          host,
          port,
          isLoopback: true,
          tls: undefined,
          sslMode: "disable",
          authentication: "",
        },
      });
      return await runCheck(check, facts);
    } finally {
      await this.#open.script("reset role");
    }
  }
}
