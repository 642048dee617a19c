/** When an outbox counts as quiet: a relay that nobody tells must not take what is held back for a moment for nothing. */
import { expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { Session } from "../../../src/pg/session.ts";
import { Lookout } from "../../../src/relay/engine/lookout.ts";
import { Reader } from "../../../src/relay/engine/reader.ts";
import { openTide } from "../../support/tide-session.ts";

it("[R-11] is not quiet while somebody who publishes nothing in the end holds its events back", async () => {
  await using tide = await openTide();
  await tide.run("select tide.outbox_create('orders')");
  const other = await tide.another();
  let afterHorizon = async (): Promise<void> => undefined;
  const session = new Proxy((await tide.another()).session, {
    get: (target, name) => {
      if (name !== "rows") return Reflect.get(target, name, target);
      return async (...question: Parameters<Session["rows"]>) => {
        const rows = await target.rows(...question);
        if (question[0].includes("tide.relay_horizon(")) await afterHorizon();
        return rows;
      };
    },
  });
  const monotonicMs = () => systemClock.monotonicMs();
  const reader = new Reader({
    outbox: "orders",
    lease: { use: async (work) => await work(session) },
    lookout: new Lookout(monotonicMs),
    pageRows: 1_000,
    netMs: 1_000,
    monotonicMs,
  });
  const ids = async () => (await reader.read(0n, 1_000_000)).map(([id]) => id);
  expect(await ids()).toEqual([]);
  await tide.run("begin; set local tide.notify = 'off'; select tide.outbox_publish('orders', '{}'); commit");
  afterHorizon = async () => {
    afterHorizon = async () => undefined;
    await other.run("begin; select pg_advisory_xact_lock_shared(tide.fence_class('orders'), 0)");
  };
  expect(await ids()).toEqual([]);
  await other.run("rollback");
  expect(await ids()).toEqual(["1"]);
});
