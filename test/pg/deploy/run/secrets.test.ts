/**
 * Secret parameters of a deploy are seen by nobody: not in the server's log, statistics or activity, not in our output.
 *
 * Every search has a control beside it: the same server shows a word that the project's own SQL contains, so that a search
 * which finds nothing is known to be able to find.
 */
import { readFile } from "node:fs/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../../support/cluster.ts";
import { deploy, projectOf, test } from "./harness.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startCluster({
    major: 18,
    settings: {
      log_statement: "all",
      log_min_duration_statement: "0",
      log_duration: "on",
      log_parameter_max_length: "-1",
      log_parameter_max_length_on_error: "-1",
      log_min_messages: "debug1",
      track_activity_query_size: "65536",
      shared_preload_libraries: "pg_stat_statements,auto_explain",
      "pg_stat_statements.track": "all",
      "auto_explain.log_min_duration": "0",
      "auto_explain.log_nested_statements": "on",
    },
  });
  await cluster.sql("create extension pg_stat_statements");
  await cluster.sql("create role plain login password 'plain-role-password'");
});

afterAll(() => cluster.stop());

/** Collects the texts of all activity, every two milliseconds, until told to stop. */
async function watchActivity(): Promise<() => Promise<string>> {
  const client = new pg.Client({
    host: cluster.host,
    port: cluster.port,
    user: "postgres",
    password: cluster.password,
  });
  await client.connect();
  const seen = new Set<string>();
  const state = { stop: false };
  const done = (async () => {
    while (!state.stop) {
      const { rows } = await client.query("select query from pg_stat_activity where pid <> pg_backend_pid()");
      for (const { query } of rows) seen.add(query);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  return async () => {
    state.stop = true;
    await done;
    await client.end();
    return [...seen].join("\n");
  };
}

const SCRIPT = `begin;
create table app(secret text);
do $$ begin
  insert into app select md5(value) from pg_temp.pgmi_parameter_view;
  perform current_setting('pgmi.password');
  execute format('create temp table t as select %L::text as control_word_1', 'x');
  perform pg_sleep(0.2);
end $$;
call pgmi_test();
commit;
select pg_sleep(0.1);`;

describe.each(["postgres", "plain"])("[D-01] parameters of a deploy as %s", (user) => {
  it.each([
    ["that succeeds", ""],
    ["whose SQL fails", "select 1/0;"],
  ])("%s", async (_name, last) => {
    const canary = `canary ${user} ${last.length} O'Neil\t"x" \\ é 😀 ${"long ".repeat(40)}`;
    const password = user === "plain" ? "plain-role-password" : cluster.password;
    const database = await cluster.createDatabase(undefined, `owner ${user}`);
    await using secrets = await projectOf({ "p.env": `from_file=${canary} file\n` });
    const stop = await watchActivity();
    const { events, report } = await deploy(
      cluster,
      database,
      { "deploy.sql": SCRIPT + last, "__test__/test_a.sql": "select 'control_word_2';" },
      { user, password, param: [`password=${canary}`], paramsFile: [`${secrets.path}/p.env`], verbose: true },
    );
    expect(report.exitCode).toBe(last === "" ? 0 : 13);
    const activity = await stop();
    const log = await readFile(cluster.logFile, "utf8");
    const rows = await cluster.sql("select query from pg_stat_statements");
    const statistics = rows.map(({ query }) => query).join("\n");
    for (const [place, text] of Object.entries({
      activity,
      log,
      statistics,
      output: JSON.stringify([events, report]),
    })) {
      for (const form of [
        `canary ${user}`,
        Buffer.from(canary).toString("base64"),
        Buffer.from(canary).toString("hex"),
      ])
        expect(text.includes(form), `${form} in ${place}`).toBe(false);
    }
    expect(activity).toContain("control_word_1");
    expect(log).toContain("control_word_1");
    expect(statistics).toContain("control_word_1");
  });
});

describe("[D-02] a secret that the project's SQL prints", () => {
  const canary = "d02-canary-value-é";
  const hex = Buffer.from(canary).toString("hex");
  const raise = "current_setting('pgmi.password')";
  it.each([
    ["as a notice", `do $$ begin raise notice 'n %', ${raise} using detail = ${raise}, hint = ${raise}; end $$;`],
    ["as an error", `do $$ begin raise exception 'e %', ${raise} using detail = ${raise}, hint = ${raise}; end $$;`],
    ["as a context", `do $$ begin execute format('select %L::int', ${raise}); end $$;`],
    [
      "in base64 and hexadecimal",
      `do $$ begin raise exception '% %', encode(convert_to(${raise}, 'UTF8'), 'base64'), encode(convert_to(${raise}, 'UTF8'), 'hex'); end $$;`,
    ],
  ])("%s is replaced by the scrubber, which knows the value", async (_name, script) => {
    const database = await cluster.createDatabase();
    const { events, report, error } = await deploy(
      cluster,
      database,
      { "deploy.sql": script },
      { param: [`password=${canary}`] },
    );
    const shown = JSON.stringify([events, report, error?.message, error?.parts]);
    for (const form of [canary, hex, Buffer.from(canary).toString("base64")]) expect(shown).not.toContain(form);
    expect(shown).toContain("[secret]");
  });
});

it("[D-02] a secret where a long message is cut is not shown in part", async () => {
  const database = await cluster.createDatabase();
  const canary = "cut-canary-".repeat(8);
  for (const limit of [2_000, 4_000]) {
    const script = `do $$ declare v text := repeat('x', ${limit - 40}) || current_setting('pgmi.password'); begin
      raise notice '%', v; raise exception '%', v; end $$;`;
    const { events, report } = await deploy(
      cluster,
      database,
      { "deploy.sql": script },
      { param: [`password=${canary}`] },
    );
    expect(JSON.stringify([events, report])).not.toContain("cut-canary");
  }
});

describe("a credential that the project's own SQL says aloud", () => {
  const words = "password=hunter2 and postgres://u:hunter3@h/d";
  const files = {
    "deploy.sql": `begin; do $$ begin raise notice '${words}'; end $$; CALL pgmi_test(); commit;`,
    "__test__/test_a.sql": `do $$ begin raise exception '${words}' using detail = '${words}', hint = '${words}'; end $$;`,
  };

  it("is in no part of a deploy's report and in no event", async () => {
    const database = await cluster.createDatabase();
    const { report, events } = await deploy(cluster, database, files);
    expect(report).toMatchObject({ exitCode: 13, detail: "password=[redacted] and postgres://u:[redacted]@h/d" });
    expect(JSON.stringify([report, events])).not.toMatch(/hunter/);
  });

  it("is in no part of a test run's result and in no event", async () => {
    const database = await cluster.createDatabase();
    const { result, events } = await test(cluster, database, files, { withDeploy: true });
    expect(result?.tests[0]?.message).toContain("password=[redacted]");
    expect(JSON.stringify([result, events])).not.toMatch(/hunter/);
  });
});

describe("exposures", () => {
  const ids = async (files: Record<string, string>, options = {}) => {
    const database = await cluster.createDatabase();
    const { report, error } = await deploy(cluster, database, files, options);
    return { ids: report.warnings?.map(({ id }) => id), report, error, database };
  };
  const plain = { user: "plain", password: "plain-role-password" };

  it("name the superuser, and nothing for a plain role over loopback", async () => {
    expect((await ids({ "deploy.sql": "" })).ids).toEqual(["superuser"]);
    expect((await ids({ "deploy.sql": "" }, plain)).ids).toEqual([]);
  });

  it("name a password literal that this server logs and counts", async () => {
    const { ids: found, report } = await ids(
      { "deploy.sql": "", "r.sql": "\ncreate role x password 'hunter2'" },
      plain,
    );
    expect(found).toEqual(["password-logged", "password-in-statistics"]);
    expect(report.warnings?.[0]?.message).toBe(
      "the project sets a role's password in clear text (./r.sql, line 2) and the server logs it: log_statement = all",
    );
    expect(JSON.stringify(report)).not.toContain("hunter2");
  });

  it("are a refusal with --strict-secrets, before anything of the project ran", async () => {
    const { error, report, database } = await ids(
      { "deploy.sql": "create table strict(a int);" },
      { strictSecrets: true },
    );
    expect([error?.code, report.exitCode, report.state]).toEqual([
      "DEPLOY_EXPOSURE_REFUSED",
      10,
      "nothing was started",
    ]);
    const [row] = await cluster.sql("select to_regclass('strict') is null as gone", { database });
    expect(row.gone).toBe(true);
  });

  it("are none for a verifier in the place of a password", async () => {
    const script =
      "do $$ begin execute format('alter role %I password %L', 'plain_nobody', current_setting('pgmi.app_password', true)); exception when others then null; end $$;";
    expect((await ids({ "deploy.sql": script }, plain)).ids).toEqual(["password-logged", "password-in-statistics"]);
    const environment = { APP: "app password" };
    const good = await ids(
      { "deploy.sql": script },
      { ...plain, environment, param: ["app_password=scram(${env:APP})"] },
    );
    expect(good.ids).toEqual([]);
  });
});
