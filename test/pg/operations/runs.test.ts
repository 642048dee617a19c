/** What a deploy leaves behind for `runs list` and `runs show`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import deployRun from "../../../src/operations/deploy.run.ts";
import runsList from "../../../src/operations/runs.list.ts";
import runsShow from "../../../src/operations/runs.show.ts";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";
import { temporaryDirectory } from "../../support/project.ts";

let cluster: TestCluster;
let database: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
});

interface Recording {
  state: string;
  project: string;
  recordsRuns?: boolean;
  input?: Record<string, unknown>;
}

function deploy({ state, project, recordsRuns = true, input = {} }: Recording) {
  const target = {
    host: cluster.host,
    port: cluster.port,
    username: "postgres",
    database,
    sslmode: "disable" as const,
  };
  const environment = { XDG_STATE_HOME: state, PGPASSWORD: cluster.password };
  return runOperation(deployRun, { path: project, ...target, ...input }, { environment, recordsRuns }).catch(
    () => undefined,
  );
}

const show = async (state: string) =>
  (await runOperation(runsShow, { id: "last" }, { environment: { XDG_STATE_HOME: state } })).output;
const list = async (state: string) =>
  (await runOperation(runsList, {}, { environment: { XDG_STATE_HOME: state } })).output;

const FILES = {
  "deploy.sql": `begin; do $$ declare f record; begin
    for f in select path, content from pg_temp.pgmi_source_view where is_sql_file loop execute f.content; end loop;
  end $$; call pgmi_test(); commit;`,
  "a.sql": "create table if not exists made(a int);",
  "__test__/test_a.sql": "do $$ begin perform from made; end $$;",
};

describe("a deploy", () => {
  it("[D-10] leaves a record that equals its report and the database", async () => {
    using state = temporaryDirectory({});
    using project = temporaryDirectory(FILES);
    const run = await deploy({ state: state.path, project: project.path });
    expect(await show(state.path)).toMatchObject({
      result: "success",
      exit_code: 0,
      state: run?.output.state,
      find_out: null,
      database,
      role: "postgres",
      server: { host: cluster.host, port: cluster.port },
      project: project.path,
      files: 2,
      parameters: 0,
      units_committed: run?.output.unitsCommitted,
      file_times: [{ path: "./a.sql", checksum: expect.stringMatching(/^[0-9a-f]{64}$/) }],
      tests: { passed: 1, failed: 0, skipped: 0 },
      test_results: [{ path: "./__test__/test_a.sql", result: "passed" }],
      left_out: 0,
    });
    expect((await list(state.path)).runs).toMatchObject([{ result: "success", database, files: 2, tests_passed: 1 }]);
    expect(await cluster.sql("select to_regclass('made') is not null as there", { database })).toEqual([
      { there: true },
    ]);
  });

  it("[D-10] that fails leaves its code, its place and its state", async () => {
    using state = temporaryDirectory({});
    using project = temporaryDirectory({ "deploy.sql": "begin;\nselect nothing_here;\ncommit;" });
    await deploy({ state: state.path, project: project.path });
    expect(await show(state.path)).toMatchObject({
      result: "failed",
      exit_code: 13,
      code: "DEPLOY_SQL_FAILED",
      sqlstate: "42703",
      script: "deploy.sql",
      line: 2,
      state: `rolled back; database "${database}" is as before this run`,
    });
  });

  it("[D-10] that does not get to the server leaves a record all the same", async () => {
    using state = temporaryDirectory({});
    using project = temporaryDirectory({ "deploy.sql": "select 1;" });
    await deploy({ state: state.path, project: project.path, input: { port: 1 } });
    expect(await show(state.path)).toMatchObject({
      result: "failed",
      exit_code: 11,
      server: null,
      state: "not connected",
    });
  });

  it("[D-17] leaves neither keys nor values of parameters, nor what its SQL says", async () => {
    using state = temporaryDirectory({});
    using project = temporaryDirectory({
      "deploy.sql": "do $$ begin raise 'carrier_key is %', current_setting('pgmi.carrier_key'); end $$;",
      "secret.env": "carrier_key=canary-value-1\n",
    });
    const input = { paramsFile: [join(project.path, "secret.env")] };
    await deploy({ state: state.path, project: project.path, input });
    const directory = join(state.path, "pgkeep/runs");
    const text = readdirSync(directory)
      .map((name) => readFileSync(join(directory, name), "utf8"))
      .join();
    expect(text).toContain('"sqlstate":"P0001"');
    expect(text).toContain('"parameters":1');
    expect(text).not.toMatch(/carrier_key|canary|raise/);
  });

  it("leaves nothing with --no-record, by configuration, or in the library", async () => {
    using state = temporaryDirectory({});
    using project = temporaryDirectory({ "deploy.sql": "select 1;", "pgkeep.yaml": "timeout: 1m\n" });
    using quiet = temporaryDirectory({ "deploy.sql": "select 1;", "pgkeep.yaml": "record_runs: false\n" });
    await deploy({ state: state.path, project: project.path, input: { noRecord: true } });
    await deploy({ state: state.path, project: quiet.path });
    await deploy({ state: state.path, project: project.path, recordsRuns: false });
    expect((await list(state.path)).total).toBe(0);
    await deploy({ state: state.path, project: project.path });
    expect((await list(state.path)).total).toBe(1);
  });
});
