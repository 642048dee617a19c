/** Passwords on their way to a server: the role can log in, and nothing keeps what it logs in with. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkPassword, comparePasswords, type RolePassword } from "../../../../src/access/apply/passwords.ts";
import { PgkeepError } from "../../../../src/base/errors.ts";
import { Secret } from "../../../../src/base/secrets.ts";
import type { ConnectionSettings, Session } from "../../../../src/pg/session.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { applying, planned, planOf } from "../../../support/hand-made-plan.ts";

const CANARY = "c4nary pass-word";

const passwordOf = (role: string, password = CANARY): Map<string, RolePassword> =>
  new Map([[role, { role, secret: new Secret(password) }]]);

const planFor = (role: string, database = "postgres") =>
  planOf(database, [
    planned(`alter role ${role} password '[secret]'`, {
      kind: "password",
      object: `role ${role}`,
      passwordOf: role.replaceAll('"', ""),
    }),
  ]);

/** Everything that logs is on, and the statistics module looks into blocks too. */
const NOSY = {
  log_statement: "all",
  log_min_duration_statement: "0",
  log_min_error_statement: "debug5",
  log_lock_waits: "on",
  deadlock_timeout: "10ms",
  shared_preload_libraries: "pg_stat_statements",
  "pg_stat_statements.track": "all",
};

function stored(cluster: TestCluster, role: string): Promise<string> {
  return cluster.sql(`select rolpassword from pg_authid where rolname = '${role}'`).then(([row]) => row.rolpassword);
}

async function expectNothingKept(cluster: TestCluster, verifier: string): Promise<void> {
  const log = readFileSync(cluster.logFile, "utf8");
  expect(log, "positive control: the log has the statements of this run").toMatch(/pgkeep_passwords/);
  expect(log).not.toContain(CANARY);
  expect(log).not.toContain(verifier.slice(-40));
  expect(log).not.toMatch(/SCRAM-SHA-256\$/);
  const statements = JSON.stringify(await cluster.sql("select query from public.pg_stat_statements"));
  expect(statements).toContain("pgkeep_passwords");
  expect(statements).not.toContain("SCRAM-SHA-256$");
  expect(statements).not.toContain(CANARY);
}

describe.each(availableMajors())("[ACC-06] [A-05] a password set on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major, settings: NOSY });
    await cluster.sql("create extension pg_stat_statements schema public");
    await cluster.sql("create role app login; create role refused login; create role busy login");
    await cluster.sql("create role admin login createrole password 'admin-password'");
    if (major >= 16) await cluster.sql("grant app, busy to admin with admin option");
  });
  afterAll(() => cluster.stop());

  const asAdmin: Partial<ConnectionSettings> = { user: "admin", password: async () => new Secret("admin-password") };

  it("lets the role log in, and stands in no log, statistics or activity", async () => {
    await using watcher = await connectTo(cluster);
    const seen = new Set<string>();
    let isOver = false;
    const polling = (async () => {
      while (!isOver)
        for (const { query } of await watcher.query("select query from pg_stat_activity")) seen.add(query ?? "");
    })();
    const { report } = await applying({ cluster, plan: planFor("app"), changes: { passwords: passwordOf("app") } });
    isOver = true;
    await polling;
    expect(report.passwordsSet).toEqual(["app"]);
    expect(await cluster.sql("select 1 as one", { user: "app", password: CANARY })).toEqual([{ one: 1 }]);
    await expectNothingKept(cluster, await stored(cluster, "app"));
    expect([...seen].join("\n")).not.toMatch(/SCRAM-SHA-256\$|c4nary/);
    await using session = await connectTo(cluster);
    expect(await comparePasswords(session, passwordOf("app"))).toEqual(new Map([["app", "same"]]));
  });

  it("set by a role that is no superuser is as little kept, but for nested statistics, of which it warns", async () => {
    const { events } = await applying({
      cluster,
      plan: planFor("busy"),
      as: asAdmin,
      changes: { passwords: passwordOf("busy") },
    });
    expect(
      events
        .filter(({ type }) => type === "warning")
        .map(({ message }) => String(message))
        .join(),
    ).toContain("pg_stat_statements");
    expect(readFileSync(cluster.logFile, "utf8")).not.toMatch(/SCRAM-SHA-256\$/);
    expect(await cluster.sql("select 1 as one", { user: "busy", password: CANARY })).toEqual([{ one: 1 }]);
    await cluster.sql("select public.pg_stat_statements_reset()");
  });

  it("is not in the log when the owner of the database has parse trees printed", async () => {
    const name = await cluster.createDatabase();
    const before = readFileSync(cluster.logFile, "utf8").length;
    const settings = ["debug_print_parse", "debug_print_rewritten", "debug_print_plan"];
    await cluster.sql(
      `create role printed login; ${settings.map((each) => `alter database ${name} set ${each} = on`).join("; ")}`,
    );
    await applying({
      cluster,
      plan: planFor("printed", name),
      changes: { passwords: passwordOf("printed", "an0ther canary") },
    });
    const log = readFileSync(cluster.logFile, "utf8").slice(before);
    expect(log, "positive control: trees are printed").toContain("parse tree");
    expect(log).not.toContain((await stored(cluster, "printed")).slice(-40));
  });

  it("that the server refuses is not in its error either", async () => {
    await cluster.sql("create role nobody_may login superuser");
    const failing = applying({
      cluster,
      plan: planFor("nobody_may"),
      as: asAdmin,
      changes: { passwords: passwordOf("nobody_may") },
    });
    const error = await failing.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "ACCESS_RIGHT_MISSING" });
    expect(JSON.stringify([(error as PgkeepError).message, (error as PgkeepError).parts])).not.toContain(
      "SCRAM-SHA-256$",
    );
    expect(readFileSync(cluster.logFile, "utf8")).not.toMatch(/SCRAM-SHA-256\$/);
  });

  it("that waits for another session's change of the role is not in the log's lock messages", async () => {
    await using other: Session = await connectTo(cluster);
    await other.script("begin; alter role app connection limit 7");
    const failing = applying({
      cluster,
      plan: planFor("app"),
      changes: { passwords: passwordOf("app"), options: { lockTimeoutMs: 300 } },
    });
    expect(await failing.catch((thrown: unknown) => thrown)).toMatchObject({ code: "ACCESS_LOCK_TIMEOUT" });
    const log = readFileSync(cluster.logFile, "utf8");
    expect(log, "positive control: the wait was logged").toMatch(/still waiting for/);
    expect(log).not.toMatch(/SCRAM-SHA-256\$/);
  });

  it("is known as the same, different, unset, or unknown to who may not look", async () => {
    await using session = await connectTo(cluster);
    expect(await comparePasswords(session, passwordOf("app"))).toEqual(new Map([["app", "same"]]));
    expect(await comparePasswords(session, passwordOf("app", "another one"))).toEqual(new Map([["app", "different"]]));
    expect(await comparePasswords(session, passwordOf("refused"))).toEqual(new Map([["refused", "unset"]]));
    expect(await comparePasswords(session, passwordOf("nowhere"))).toEqual(new Map());
    await using plain = await connectTo(cluster, asAdmin);
    expect(await comparePasswords(plain, passwordOf("app"))).toEqual(new Map([["app", "unknown"]]));
    expect(await comparePasswords(plain, passwordOf("app"), () => true)).toEqual(new Map([["app", "same"]]));
  });

  it("reaches roles with every legal name", async () => {
    for (const role of ['o"; drop role app; --', "Ünï cödé", "tab\tand\nline", "back\\slash", "x".repeat(63)]) {
      await cluster.sql(`create role "${role.replaceAll('"', '""')}" login`);
      const plan = planOf("postgres", [
        planned("alter role x password '[secret]'", { kind: "password", passwordOf: role }),
      ]);
      await applying({ cluster, plan, changes: { passwords: passwordOf(role) } });
      expect(await cluster.sql("select 1 as one", { user: role, password: CANARY })).toEqual([{ one: 1 }]);
    }
  });

  it("without the right to make temporary tables travels bound, with a warning that the log has it", async () => {
    const name = await cluster.createDatabase();
    await cluster.sql(`revoke temporary on database ${name} from public`);
    const { events } = await applying({
      cluster,
      plan: planFor("busy", name),
      as: asAdmin,
      changes: { passwords: passwordOf("busy", "second one") },
    });
    const warnings = events.filter(({ type }) => type === "warning").map(({ message }) => String(message));
    expect(warnings.join()).toContain("log_statement is all");
    expect(await cluster.sql("select 1 as one", { user: "busy", password: "second one" })).toEqual([{ one: 1 }]);
  });
});

describe("[A-05] a password that must not be sent", () => {
  const refusals: [string, string, string][] = [
    ["nothing", "", "CONFIG_VALUE_INVALID"],
    ["a control character", "tab\tinside", "CONFIG_VALUE_INVALID"],
    ["NUL", "nul\0inside", "CONFIG_VALUE_INVALID"],
    ["a malformed verifier", "SCRAM-SHA-256$4096:bad", "ACCESS_VERIFIER_INVALID"],
    [
      "a verifier with one character too many",
      `SCRAM-SHA-256$4096:${"A".repeat(22)}==$${"B".repeat(43)}=:${"C".repeat(43)}=x`,
      "ACCESS_VERIFIER_INVALID",
    ],
    ["an MD5 hash", `md5${"0123456789abcdef".repeat(2)}`, "ACCESS_VERIFIER_INVALID"],
  ];

  it.each(refusals)("%s is refused before anything starts", (_, text, code) => {
    let thrown: unknown;
    try {
      checkPassword("app", new Secret(text));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PgkeepError);
    expect(thrown).toMatchObject({ code });
    expect((thrown as PgkeepError).message).toContain('role "app"');
    if (text !== "") expect(JSON.stringify(thrown)).not.toContain(text);
  });
});
