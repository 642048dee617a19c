/** Fixes on real servers: planned in order, applied where that is safe, audited again, undone by their own script. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { fixScript } from "../../../src/audit/fix/script.ts";
import { PgkeepError } from "../../../src/base/errors.ts";
import type { Prompter } from "../../../src/base/operation.ts";
import { scriptStepOf } from "../../../src/operations/audit/fix-document.ts";
import auditFix from "../../../src/operations/audit.fix.ts";
import { BAD_OBJECTS, BAD_ROLES } from "../../support/audit/bad-server.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { runOperation } from "../../support/operation.ts";

async function failureOf(work: Promise<unknown>): Promise<PgkeepError> {
  const error = await work.catch((thrown: unknown) => thrown);
  if (error instanceof PgkeepError) return error;
  throw new Error("it did not fail as expected", { cause: error });
}

describe.each(availableMajors())("PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  const directory = mkdtempSync(join(tmpdir(), "pgkeep-fix-"));
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.createDatabase("shop");
    await cluster.sql("create role app login; create role keeper; create role third; create role other");
  });
  afterAll(async () => {
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  afterEach(async () => {
    await cluster.sql("alter system reset all");
    await cluster.reload();
  });

  const run = (input: Record<string, unknown> = {}, context: Parameters<typeof runOperation>[2] = {}) =>
    runOperation(
      auditFix,
      { connection: cluster.url("shop"), ...input },
      { workingDirectory: directory, environment: { HOME: directory }, ...context },
    );
  const reloaded = async (name: string, value: string): Promise<void> => {
    await cluster.sql(`alter system set ${name} = '${value}'`);
    await cluster.reload();
    expect(await settingOf(name)).toBe(value);
  };
  const settingOf = async (name: string): Promise<string> =>
    (await cluster.sql(`select setting from pg_settings where name = '${name}'`))[0].setting;
  const altered = async (): Promise<string> => readFileSync(join(cluster.dataDir, "postgresql.auto.conf"), "utf8");

  it("says what it would do and changes nothing without --apply", async () => {
    await reloaded("password_encryption", "md5");
    const { output, exitCode } = await run({ only: ["ROL-008"] });
    expect([output.outcome, exitCode]).toEqual(["planned", 20]);
    expect(output.steps).toMatchObject([
      {
        n: 1,
        group: "settings",
        sql: ["alter system set password_encryption = 'scram-sha-256'"],
        conf: ["password_encryption = 'scram-sha-256'"],
        effect: "after a reload",
        is_safe: true,
      },
    ]);
    expect(await settingOf("password_encryption")).toBe("md5");
  });

  it("finds nothing to do on a server without such findings", async () => {
    const { output, exitCode } = await run({ only: ["ROL-008"], apply: true });
    expect([output.outcome, exitCode, output.steps]).toEqual(["nothing to do", 0, []]);
  });

  it("brings a setting into force, proves it by a second audit, and is undone by its script", async () => {
    await reloaded("password_encryption", "md5");
    const { output, exitCode } = await run({ only: ["ROL-008"], apply: true, yes: true, saveUndo: "undo.sql" });
    expect([output.outcome, exitCode, output.applied]).toEqual(["applied", 0, [1]]);
    expect(output.cured.map(({ check }) => check)).toEqual(["ROL-008"]);
    expect([output.before.findings, output.after?.findings]).toEqual([1, 0]);
    expect(await settingOf("password_encryption")).toBe("scram-sha-256");
    const script = readFileSync(join(directory, "undo.sql"), "utf8");
    expect(script).toBe(output.undo);
    const { status, stderr } = await cluster.psql(["-X", "-f", "-"], { stdin: script });
    expect([status, stderr]).toEqual([0, ""]);
    await expect.poll(() => settingOf("password_encryption")).toBe("md5");
  });

  it("changes nothing without a yes, with --dry-run, or when the answer is no", async () => {
    await reloaded("password_encryption", "md5");
    const unapproved = await failureOf(run({ only: ["ROL-008"], apply: true }));
    expect([unapproved.code, unapproved.parts.state]).toEqual(["AUDIT_FIX_UNAPPROVED", "nothing was changed"]);
    const dry = await run({ only: ["ROL-008"], apply: true, dryRun: true, yes: true, saveUndo: "none.sql" });
    expect([dry.output.outcome, dry.exitCode]).toEqual(["not applied", 0]);
    const prompt = { confirm: async () => false } as unknown as Prompter;
    expect((await failureOf(run({ only: ["ROL-008"], apply: true }, { prompt }))).code).toBe("CANCELLED");
    expect(await settingOf("password_encryption")).toBe("md5");
    expect(existsSync(join(directory, "none.sql"))).toBe(false);
  });

  it("does not go by what it saw when a setting was changed before the yes", async () => {
    await reloaded("password_encryption", "md5");
    const prompt = {
      confirm: async () => {
        await reloaded("password_encryption", "scram-sha-256");
        return true;
      },
    } as unknown as Prompter;
    const error = await failureOf(run({ only: ["ROL-008"], apply: true }, { prompt }));
    expect([error.code, error.parts.state]).toEqual(["AUDIT_FIX_STALE", "nothing was changed"]);
  });

  it("reports a fix that did not cure, and ends with 23", async () => {
    await reloaded("password_encryption", "md5");
    const undone = (event: { type: string }): void => {
      if (event.type !== "audit.fixes_applied") return;
      const psql = (sql: string) => spawnSync("psql", ["-XAt", cluster.url("postgres"), "-c", sql]).stdout.toString();
      psql("alter system set password_encryption = 'md5'");
      psql("select pg_reload_conf()");
      while (psql("show password_encryption").trim() !== "md5") psql("select pg_sleep(0.05)");
    };
    const { output, exitCode } = await run({ only: ["ROL-008"], apply: true, yes: true }, { report: undone });
    expect([output.outcome, exitCode]).toEqual(["applied, but not cured", 23]);
    expect(output.not_cured.map(({ check }) => check)).toEqual(["ROL-008"]);
  });

  it("leaves a setting to the person who broke the files, because no reload would take effect", async () => {
    await reloaded("password_encryption", "md5");
    const file = join(cluster.dataDir, "postgresql.auto.conf");
    const before = await altered();
    const { writeFileSync } = await import("node:fs");
    writeFileSync(file, `${before}\nthis is = no 'setting\n`);
    try {
      const { output, exitCode } = await run({ only: ["ROL-008"], apply: true, yes: true });
      expect([output.outcome, exitCode]).toEqual(["not applied", 21]);
      expect(output.steps[0]?.by_hand).toMatch(
        /no reload takes effect before .*postgresql.auto.conf is repaired, line \d+/,
      );
    } finally {
      writeFileSync(file, before);
    }
  });

  it("takes a privilege from PUBLIC as the role that gave it, and gives it back by the undo script", async () => {
    await cluster.sql(
      `create schema app authorization keeper;
       create function app.lent() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1';
       alter function app.lent() owner to keeper;
       revoke execute on function app.lent() from public;
       set role keeper;
       grant execute on function app.lent() to third with grant option;
       grant usage on schema app to third;
       reset role; set role third;
       grant execute on function app.lent() to public`,
      { database: "shop" },
    );
    const acl = async (): Promise<string> =>
      (await cluster.sql("select proacl::text as acl from pg_proc where proname = 'lent'", { database: "shop" }))[0]
        .acl;
    const before = await acl();
    const plan = await run({ only: ["FUN-005"] });
    expect(plan.output.steps[0]).toMatchObject({ group: "revokes", database: "shop", is_safe: true });
    expect(plan.output.steps[0]?.sql).toEqual([
      'set role "third"',
      'revoke execute on routine "app"."lent"() from public',
      "set role none",
    ]);
    const { output, exitCode } = await run({ only: ["FUN-005"], apply: true, yes: true, saveUndo: "revoke-undo.sql" });
    expect([output.outcome, exitCode, output.not_cured]).toEqual(["applied", 0, []]);
    expect(await acl()).not.toContain("=X/third");
    const undone = await cluster.psql(["-X", "-f", join(directory, "revoke-undo.sql")]);
    expect([undone.status, undone.stderr]).toEqual([0, ""]);
    expect(await acl()).toBe(before);
    await cluster.sql("drop schema app cascade", { database: "shop" });
  });

  it("is the login's role throughout, in its scripts too, whatever role is stored for it", async () => {
    await cluster.sql(
      `create role nobody_much; create role chief superuser login password 'chief of the house';
       alter role chief in database shop set role = nobody_much;
       alter role chief in database shop set default_transaction_read_only = on`,
    );
    const lent = `create function public.%() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1';
      alter function public.%() owner to keeper; grant execute on function public.%() to third with grant option;
      revoke execute on function public.%() from public; set role third; grant execute on function public.%() to public; reset role;`;
    const defects = ["lent_one", "lent_two"].map((name) => lent.replaceAll("%", name)).join("\n");
    await cluster.sql(defects, { database: "shop" });
    const open = async () =>
      (
        await cluster.sql("select proname from pg_proc where proacl::text like '%,=X/%' or proacl::text like '{=X/%'", {
          database: "shop",
        })
      )
        .map(({ proname }) => proname)
        .filter((name) => name.startsWith("lent_"));
    const url = new URL(cluster.url("shop"));
    [url.username, url.password] = ["chief", "chief of the house"];
    const asChief = { connection: url.href, only: ["FUN-005"] };
    const roleAfter = "select current_user || ' as ' || session_user as at;\n";

    const plan = await run(asChief);
    const script = fixScript(plan.output.steps.map(scriptStepOf), "shop");
    const inside = script.replaceAll("commit;", `${roleAfter}commit;`);
    const byHand = await cluster.psql(["-X", "-q", "-A", "-t", "-d", url.href, "-f", "-"], {
      stdin: inside + roleAfter,
    });
    expect([byHand.stderr, byHand.stdout.trim().split("\n")]).toEqual(["", ["chief as chief", "nobody_much as chief"]]);
    expect(await open()).toEqual([]);

    await cluster.sql("set role third; grant execute on function public.lent_one(), public.lent_two() to public", {
      database: "shop",
    });
    const { output, exitCode } = await run({ ...asChief, apply: true, yes: true });
    expect([output.outcome, exitCode, await open()]).toEqual(["applied", 0, []]);
    const undone = await cluster.psql(["-X", "-q", "-d", url.href, "-f", "-"], { stdin: output.undo ?? "" });
    expect([undone.stderr, (await open()).sort()]).toEqual(["", ["lent_one", "lent_two"]]);
    await cluster.sql("drop function public.lent_one(), public.lent_two()", { database: "shop" });
    await cluster.sql("drop owned by chief; drop role chief");
  });

  it("leaves to a person what PUBLIC's privilege was passed on with, and what another role has to take back", async () => {
    await cluster.sql("create role deputy login password 'deputy of the house'");
    await cluster.sql(
      "create schema hers; create function hers.lent() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1'; alter function hers.lent() owner to keeper",
      { database: "shop" },
    );
    const url = new URL(cluster.url("shop"));
    [url.username, url.password] = ["deputy", "deputy of the house"];
    const { output, exitCode } = await run({ connection: url.href, only: ["FUN-005"], apply: true, yes: true });
    expect([output.outcome, exitCode]).toEqual(["not applied", 21]);
    expect(output.steps[0]?.by_hand).toMatch(/^it needs a superuser, role "keeper"/);
    await cluster.sql("drop schema hers cascade", { database: "shop" });
  });

  it("[U-01] is planned and applied although the database's owner planted limits, a role and a mode for whoever comes", async () => {
    await cluster.sql(
      "create function public.lent() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1'; alter function public.lent() owner to keeper",
      { database: "shop" },
    );
    const planted = [
      ["statement_timeout", "1"],
      ["idle_session_timeout", "1"],
      ["role", "third"],
      ["default_transaction_read_only", "on"],
      ...(major >= 17 ? [["transaction_timeout", "1"]] : []),
    ];
    for (const [name, value] of planted) await cluster.sql(`alter database shop set ${name} = ${value}`);
    await reloaded("password_encryption", "md5");
    const { output, exitCode } = await run({ only: ["FUN-005", "ROL-008"], apply: true, yes: true });
    await cluster.sql("alter database shop reset all");
    await cluster.sql("drop function public.lent()", { database: "shop" });
    expect([output.outcome, exitCode, output.failed, output.cured.map(({ check }) => check).sort()]).toEqual([
      "applied",
      0,
      [],
      ["FUN-005", "ROL-008"],
    ]);
  });

  it("is cured here although another database is closed to the role", async () => {
    await cluster.sql("create role clerk login password 'clerk of the house'; grant keeper to clerk");
    await cluster.sql("create database shut");
    await cluster.sql("revoke connect on database shut from public");
    await cluster.sql(
      "create schema his authorization keeper; create function his.lent() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1'; alter function his.lent() owner to keeper",
      { database: "shop" },
    );
    const url = new URL(cluster.url("shop"));
    [url.username, url.password] = ["clerk", "clerk of the house"];
    const { output, exitCode } = await run({ connection: url.href, only: ["FUN-005"], apply: true, yes: true });
    await cluster.sql("drop database shut");
    await cluster.sql("drop schema his cascade", { database: "shop" });
    expect([output.outcome, exitCode, output.not_cured]).toEqual(["applied", 0, []]);
  });

  it("does what has medium risk only where its check is named, or where that risk was agreed to", async () => {
    await reloaded("log_statement", "none");
    const setting = ({ output }: Awaited<ReturnType<typeof run>>) =>
      output.steps.filter(({ sql }) => sql.some((text) => text.includes("log_statement")));
    for (const only of [["database"], ["AUD-*"]]) {
      expect(setting(await run({ only }))).toMatchObject([
        {
          risk: "medium",
          is_safe: false,
          by_hand: expect.stringMatching(/: --only AUD-003, or say --max-risk medium$/),
        },
      ]);
    }
    for (const consent of [{ only: ["AUD-003"] }, { only: ["AUD-*"], maxRisk: "medium" }]) {
      await reloaded("log_statement", "none");
      await run({ ...consent, apply: true, yes: true });
      expect(await settingOf("log_statement")).toBe("ddl");
    }
  });

  it("keeps what was done in one database when another one fails, and says which", async () => {
    const defects = `create function public.lent() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1';
      alter function public.lent() owner to keeper`;
    for (const name of ["free", "held"]) {
      await cluster.createDatabase(name);
      await cluster.sql(defects, { database: name });
    }
    await using holder = await connectTo(cluster, { database: "held" });
    await holder.script("begin; grant execute on function public.lent() to app");
    const { output, exitCode } = await run({ only: ["FUN-005"], apply: true, yes: true });
    await holder.script("rollback");
    expect([output.outcome, exitCode]).toEqual(["applied, but not cured", 23]);
    const databaseOf = (n: number) => output.steps.find((step) => step.n === n)?.database;
    expect([output.applied.map(databaseOf), output.failed.map(({ n }) => databaseOf(n))]).toEqual([["free"], ["held"]]);
    expect(output.undo).toContain("dbname='free'");
    expect(output.undo).not.toContain("dbname='held'");
    await cluster.sql("drop database free");
    await cluster.sql("drop database held with (force)");
  });

  it("says what was applied, and what undoes it, when it is interrupted before the second audit", async () => {
    await reloaded("password_encryption", "md5");
    const controller = new AbortController();
    const report = (event: { type: string }): void => {
      if (event.type === "audit.fixes_applied") controller.abort(new PgkeepError("COMMAND_INTERRUPTED", "interrupted"));
    };
    const error = await failureOf(
      run({ only: ["ROL-008"], apply: true, yes: true }, { report, signal: controller.signal }),
    );
    expect(error.code).toBe("COMMAND_INTERRUPTED");
    expect(error.parts.state).toMatch(/^steps 1 of the plan are applied/);
    expect(error.parts.detail).toContain("alter system set password_encryption = 'md5';");
  });

  it("[U-06] proposes only statements that the server accepts, each name as it is, in a script for psql", async () => {
    await cluster.sql(BAD_ROLES);
    await cluster.createDatabase("bad_shop");
    await cluster.sql(BAD_OBJECTS, { database: "bad_shop" });
    const odd = 'o"dd; drop\nschema';
    await cluster.sql(`create role "${odd.replaceAll('"', '""')}" superuser`);
    const { output } = await run({ connection: cluster.url("bad_shop") });
    const sql = output.steps.flatMap((step) => step.sql.map((text) => ({ text, step })));
    expect(sql.length).toBeGreaterThan(20);
    expect(sql.map(({ text }) => text)).toContainEqual(expect.stringMatching(/U&"o""dd; drop\\000aschema"/));
    const unsafe = output.steps.filter(({ is_safe, risk }) => is_safe && risk !== "low");
    expect(unsafe.map(({ cures }) => cures[0]?.check)).toEqual([]);
    expect(output.steps.some(({ is_safe }) => is_safe)).toBe(true);
    const refused: string[] = [];
    for (const step of output.steps.filter(({ sql: some, group }) => some.length > 0 && group !== "settings")) {
      const text = `begin; ${step.sql.join("; ")}; rollback`;
      await cluster.sql(text, { database: step.database ?? "bad_shop" }).catch((error: Error) => {
        refused.push(`${step.cures[0]?.check}: ${step.sql.join("; ")}: ${error.message}`);
      });
    }
    expect(refused).toEqual([]);
    // The whole script, every transaction rolled back and no setting written.
    const script = fixScript(
      output.steps.filter(({ group }) => group !== "settings").map(scriptStepOf),
      output.database ?? undefined,
    ).replaceAll(/^commit;$/gm, "rollback;");
    const outside = script.split(/^begin read write;$[\s\S]*?^rollback;$/gm).join("");
    expect(outside).not.toMatch(/^(?!--|\\|set |reset |select 'dbname|\s*$)/m);
    const { status, stderr } = await cluster.psql(["-X", "-q", "-f", "-"], { stdin: script });
    expect([status, stderr.split("\n").filter((line) => /ERROR|error/.test(line))]).toEqual([0, []]);
  });
});
