/** What is said of a transaction whose COMMIT was not answered, and what is done about the process that it leaves. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fateOf } from "../../../../src/access/apply/fate.ts";
import { APPLY_LOCK } from "../../../../src/access/apply/lock.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ major: 18 });
});
afterAll(() => cluster.stop());

const open = () => connectTo(cluster);

async function begun(session: Session, statement = "select 1"): Promise<string> {
  await session.script(`begin; ${statement}`);
  const [row] = await session.query("select pg_catalog.pg_current_xact_id()::text as id");
  return row?.id ?? "";
}

describe("a COMMIT that was not answered", () => {
  it.each([
    ["commit", "committed"],
    ["rollback", "aborted"],
  ])("is told by the number of its transaction: %s", async (end, fate) => {
    await using session = await open();
    const id = await begun(session);
    await session.script(end);
    expect(await fateOf({ id, processId: session.processId, open })).toBe(fate);
  });

  it("that never arrived leaves no process with its locks behind", async () => {
    const lost = await open();
    const id = await begun(lost, `select pg_catalog.pg_advisory_xact_lock(${APPLY_LOCK.join(", ")})`);
    expect(await fateOf({ id, processId: lost.processId, open })).toBe("aborted");
    await lost.close();
  });

  it("ends no process of somebody else that has the number by now", async () => {
    await using stranger = await open();
    await stranger.script("begin; select pg_catalog.pg_advisory_xact_lock(1, 2)");
    await using session = await open();
    const id = await begun(session);
    expect(await fateOf({ id, processId: stranger.processId, open, boundMs: 600 })).toBeUndefined();
    expect(stranger.transactionStatus()).toBe("transaction");
    await stranger.script("commit");
  });

  it("is unknown, within bounded time, when the server does not answer", async () => {
    const silent = () => new Promise<Session>(() => undefined);
    expect(await fateOf({ id: "1", processId: 1, open: silent, boundMs: 50 })).toBeUndefined();
  });

  it("is unknown when the server is away", async () => {
    const away = () => Promise.reject(new Error("refused"));
    expect(await fateOf({ id: "1", processId: 1, open: away })).toBeUndefined();
  });
});
