/** What a deploy says of a gate that could not ask its questions, before the commit and after the last statement. */
import { beforeAll, describe, expect, it } from "vitest";
import type { CommitGate } from "../../../../src/deploy/run/commit-gate.ts";
import { sharedCluster, type TestCluster } from "../../../support/cluster.ts";
import { deploy, type RunOptions, value } from "./harness.ts";

let cluster: TestCluster;
let database: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
});

const run = (script: string, options: RunOptions = {}) => deploy(cluster, database, { "deploy.sql": script }, options);
const exists = (name: string) => value(cluster, database, `select to_regclass('${name}') is not null`);

/** A gate that does `work` the `look`th time it is asked, and lets everything pass before. */
function gateAt(look: number, work: CommitGate): CommitGate {
  let looks = 0;
  return async (session, signal) => {
    looks += 1;
    if (looks === look) await work(session, signal);
  };
}

const SLEEP = "select pg_catalog.pg_sleep(30)";

describe("a statement of the gate that the server refuses", () => {
  it("before the commit rolls everything back, and is told with state, detail and hint", async () => {
    const gate = gateAt(1, (session) => session.query(SLEEP).then(() => undefined));
    const { error, report } = await run("begin; create table asked (); set local statement_timeout = 50; commit;", {
      gate,
    });
    expect([error?.code, error?.exit]).toEqual(["DEPLOY_SQL_FAILED", 13]);
    expect(report).toMatchObject({
      error: "the gate before the commit failed: ERROR: canceling statement due to statement timeout (SQLSTATE 57014)",
      sqlstate: "57014",
      detail: "The statement is the gate's own; deploy.sql did not fail.",
      hint: expect.stringContaining("statement_timeout"),
      state: `rolled back; database "${database}" is as before this run`,
    });
    expect(await exists("asked")).toBe(false);
  });

  it("keeps the server's own detail and hint, without what is secret in them", async () => {
    const raise = `do $$ begin raise exception 'no' using detail = 'password=hunter22', hint = 'Ask the owner.'; end $$`;
    const { report } = await run("begin; select 1; commit;", {
      gate: gateAt(1, (session) => session.script(raise).then(() => undefined)),
    });
    expect(report.detail).toBe("password=[redacted] The statement is the gate's own; deploy.sql did not fail.");
    expect(report.hint).toBe("Ask the owner.");
  });

  it("after the last statement is told with all that is committed", async () => {
    const gate = gateAt(2, (session) => session.script("select 1/0").then(() => undefined));
    const { error, report } = await run("begin; create table head_1 (); commit; create table tail_1 ();", { gate });
    expect(error?.code).toBe("DEPLOY_SQL_FAILED");
    expect(report).toMatchObject({
      error: "the gate after the last statement failed: ERROR: division by zero (SQLSTATE 22012)",
      sqlstate: "22012",
      state: `committed; all of deploy.sql is in database "${database}"`,
    });
    expect(report.hint).toContain("commits by itself, so it stays");
    expect(await exists("tail_1")).toBe(true);
  });
});

describe("an interrupt while the gate looks", () => {
  const interruptible: CommitGate = (_session, signal) => Promise.resolve(signal.throwIfAborted());

  it("at what followed the head does not hide that everything is committed", async () => {
    const controller = new AbortController();
    const gate = gateAt(2, async (session, signal) => {
      controller.abort();
      await interruptible(session, signal);
    });
    const { error, report } = await run("begin; create table head_2 (); commit; create table tail_2 ();", {
      gate,
      signal: controller.signal,
    });
    expect(error?.code).toBe("DEPLOY_INTERRUPTED");
    expect(report.state).toBe(`committed; all of deploy.sql is in database "${database}"`);
  });

  it("at the head rolls everything back", async () => {
    const controller = new AbortController();
    const gate = gateAt(1, async (session, signal) => {
      controller.abort();
      await interruptible(session, signal);
    });
    const { error, report } = await run("begin; create table head_3 (); commit;", { gate, signal: controller.signal });
    expect(error?.code).toBe("DEPLOY_INTERRUPTED");
    expect(report.state).toBe(`rolled back; database "${database}" is as before this run`);
    expect(await exists("head_3")).toBe(false);
  });
});
