/** What doctor says of the relay's side of a database. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkRelay } from "../../../src/operations/relay/doctor.ts";
import type { Session } from "../../../src/pg/session.ts";
import { sharedCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { installTide } from "../../support/tide.ts";

let session: Session;
beforeAll(async () => {
  const cluster = await sharedCluster();
  session = await connectTo(cluster, { database: await cluster.createDatabase() });
  await installTide(session);
});
afterAll(() => session?.close());

const checked = async (what: string, options?: { isEmbedded: boolean }) =>
  (await checkRelay(session, options))?.find((check) => check.what === what);

it("a superuser is warned that relay run refuses it", async () => {
  expect(await checked("role")).toMatchObject({ status: "warn", detail: expect.stringContaining("refuses it") });
});

it("the embedded server's superuser is not, because a relay runs as it there", async () => {
  expect(await checked("role", { isEmbedded: true })).toMatchObject({ status: "ok", fix: null });
});

it("one outbox that waits is told as one", async () => {
  await session.script(`select tide.outbox_create('orders');
    select tide.relay_set_outbox('out', 'orders', '{"sink_type": "file", "path": "/tmp/never-written.jsonl"}');
    select tide.outbox_publish('orders', '{}');
    update tide.tide_outbox_messages set created_at = now() - interval '10 minutes'`);
  expect((await checked("backlog"))?.detail).toMatch(/^1 outbox has events that wait for up to 1\dm \d+s$/);
});
