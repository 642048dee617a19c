/** Settings on a real server: in force and proved, or as before with the reason; nothing in between. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  applySettings,
  changedMeanwhile,
  readFixFacts,
  type SettingChange,
  settingUndos,
} from "../../../src/audit/fix/apply-settings.ts";
import { fixScript, type ScriptStep } from "../../../src/audit/fix/script.ts";
import { systemClock } from "../../../src/base/clock.ts";
import type { Session } from "../../../src/pg/session.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";

const change = (name: string, value: string | null, now = ""): SettingChange => ({
  fix: { kind: "setting", name, value, risk: "low" },
  now,
});

describe.each(availableMajors())("PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster({ major, settings: { log_hostname: "off" } });
    session = await connectTo(cluster);
  });
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });
  afterEach(async () => {
    await cluster.sql("alter system reset all");
    await cluster.reload();
  });

  const apply = async (...changes: SettingChange[]) => {
    const undos = await settingUndos(session, changes);
    const signal = new AbortController().signal;
    return await applySettings(session, changes, { undos, clock: systemClock, signal });
  };
  const file = (): string => readFileSync(join(cluster.dataDir, "postgresql.auto.conf"), "utf8");
  const settingOf = async (name: string): Promise<string> =>
    (await cluster.sql(`select setting from pg_settings where name = '${name}'`))[0].setting;

  it("are in force for new sessions when they are said to be, each with what takes it back", async () => {
    await cluster.sql("alter system set log_min_duration_statement = '5s'");
    await cluster.reload();
    const results = await apply(change("log_min_duration_statement", "-1"), change("log_lock_waits", "on"));
    expect(results.map(({ failure, undo }) => [failure, undo])).toEqual([
      [undefined, "alter system set log_min_duration_statement = '5s'"],
      [undefined, "alter system reset log_lock_waits"],
    ]);
    expect([await settingOf("log_min_duration_statement"), await settingOf("log_lock_waits")]).toEqual(["-1", "on"]);
  });

  it("that the server refuses stay as they were, and the others are applied", async () => {
    const results = await apply(
      change("log_statement", "everything"),
      change("log_lock_waits", "on"),
      change("no_such_setting", "on"),
    );
    expect(results.map(({ failure }) => failure)).toEqual([
      expect.stringMatching(/^the server refused: /),
      undefined,
      expect.stringMatching(/^the server refused: /),
    ]);
    expect(file()).not.toMatch(/log_statement|no_such_setting/);
    expect(await settingOf("log_lock_waits")).toBe("on");
  });

  it("that would wait for a restart, or that the command line overrules, are taken out again", async () => {
    const results = await apply(change("max_locks_per_transaction", "96"), change("log_hostname", "on"));
    expect(results.map(({ failure, undo }) => [failure !== undefined, undo])).toEqual([
      [true, undefined],
      [true, undefined],
    ]);
    expect(results[1]?.failure).toMatch(/command line wins/);
    expect(file()).not.toMatch(/max_locks_per_transaction|log_hostname/);
    const waiting = await cluster.sql("select name from pg_settings where pending_restart");
    expect(waiting).not.toContainEqual({ name: "max_locks_per_transaction" });
  });

  it("go back to what was there before, not to the default, when they fail", async () => {
    await cluster.sql("alter system set max_locks_per_transaction = 80");
    await apply(change("max_locks_per_transaction", "96"));
    expect(file()).toMatch(/max_locks_per_transaction = '80'/);
  });

  it("are known to have changed meanwhile", async () => {
    expect(await changedMeanwhile(session, [change("log_lock_waits", "on", "off")])).toEqual([]);
    expect(await changedMeanwhile(session, [change("log_lock_waits", "on", "on")])).toEqual(["log_lock_waits"]);
  });

  it("cannot be changed by a role that may not, or while a file has an error that stops every reload", async () => {
    await cluster.sql("create role plain login password 'a plain password'");
    const facts = await readFixFacts(session, ["log_lock_waits", "max_connections", "no_such"]);
    expect(facts.settingsRefusal).toBeUndefined();
    expect([...facts.settings.keys()].sort()).toEqual(["log_lock_waits", "max_connections"]);
    expect(facts.settings.get("max_connections")).toMatchObject({ context: "postmaster", source: "command line" });
    const plain = await cluster.sql(
      "set role plain; select has_function_privilege('pg_reload_conf()', 'execute') as may",
    );
    expect(plain).toEqual([{ may: false }]);
    await session.script("set role plain");
    expect((await readFixFacts(session, ["log_lock_waits"])).settingsRefusal).toMatch(/^it takes a superuser/);
    await session.script("reset role");
    const path = join(cluster.dataDir, "postgresql.conf");
    const before = readFileSync(path, "utf8");
    appendFileSync(path, "\nlog_lock_waits = on and on\n");
    try {
      const broken = await readFixFacts(session, ["log_lock_waits"]);
      expect(broken.settingsRefusal).toMatch(
        /^no reload takes effect before .*postgresql\.conf is repaired, line \d+$/,
      );
    } finally {
      writeFileSync(path, before);
    }
  });

  it.each([
    ["a quote and a blank", 'it\'s "here"'],
    ["settings of a connection", "dbname=postgres user=nobody"],
    ["an address", "postgresql://nobody@nowhere/x"],
    ["a backslash", "back\\slash\\"],
    ["a line break and a command", "x\n\\! touch /tmp/pgkeep-owned\n"],
    ["characters of other scripts", "база\u202edata"],
  ])("[U-06] scripts enter a database whose name has %s, and no other", async (_, name) => {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    await cluster.sql(`create database ${quoted}`);
    const step: ScriptStep = {
      group: "statements",
      database: name,
      cures: [{ check: "A", title: "t", severity: "low", object: name, fingerprint: "f" }],
      sql: ["create table public.was_here ()"],
      conf: [],
      lines: [],
      file: undefined,
      effect: "at once",
      risk: "low",
      riskReason: undefined,
    };
    const script = fixScript([step], "postgres");
    const { status, stderr } = await cluster.psql(["-X", "-q", "-f", "-"], { stdin: script });
    expect([status, stderr]).toEqual([0, ""]);
    expect(await cluster.sql("select 1 as one from pg_class where relname = 'was_here'")).toEqual([]);
    await using entered = await connectTo(cluster, { database: name });
    expect(await entered.query("select 1 as one from pg_catalog.pg_class where relname = 'was_here'")).toHaveLength(1);
  });
});
