/**
 * No event is passed by, whatever publishers do: slow transactions, rolled back ones, savepoints, prepared transactions,
 * all at once while the relay reads.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import {
  jsonText,
  lastEvents,
  MemorySink,
  makePipeline,
  positionOf,
  type RunningRelay,
  startRelay,
  until,
} from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const WRITERS = 6;
const ROWS = 100_000;
/** Rows of one statement. */
const BULK = 60;

let cluster: TestCluster;
let tide: Tide;
beforeAll(async () => {
  cluster = await startCluster({ settings: { max_prepared_transactions: "20" } });
  tide = await openTide({ cluster });
});
afterAll(async () => {
  await tide[Symbol.asyncDispose]();
  await cluster.stop();
});

const some = `select tide.outbox_publish('orders', '{"a": 1}') from generate_series(1, ${BULK});`;

/** A transaction that is to be prepared may not notify. */
const UNTOLD = "set local tide.notify = 'off';";

/** What a publisher may do with a transaction, and how many events are committed; each ends outside of one. */
const WAYS: { events: number; sql: (name: string) => string }[] = [
  { events: BULK, sql: () => some },
  { events: 2 * BULK, sql: () => `begin; ${some} select pg_sleep(0.004); ${some} commit;` },
  { events: BULK, sql: () => `begin; ${some} select pg_sleep(0.02); commit;` },
  { events: 0, sql: () => `begin; ${some} rollback;` },
  {
    events: 2 * BULK,
    sql: () => `begin; savepoint s; ${some} rollback to s; ${some} savepoint t; ${some} release t; commit;`,
  },
  { events: 0, sql: () => `begin; savepoint s; ${some} rollback to s; select pg_sleep(0.003); commit;` },
  {
    events: BULK,
    sql: (name) =>
      `begin; ${UNTOLD} ${some} prepare transaction '${name}'; select pg_sleep(0.01); commit prepared '${name}';`,
  },
  {
    events: 0,
    sql: (name) => `begin; ${UNTOLD} ${some} prepare transaction '${name}'; rollback prepared '${name}';`,
  },
  {
    events: BULK,
    sql: () =>
      `insert into tide.tide_outbox_messages (outbox_name, payload) select 'orders', '{}' from generate_series(1, ${BULK});`,
  },
  { events: 0, sql: () => "select tide.outbox_publish('other', '{}');" },
];

/** Publishes until all publishers together have committed enough, which the relay reads meanwhile. */
async function publishTogether(): Promise<void> {
  let committed = 0;
  const publisher = async (writer: number): Promise<void> => {
    await using own = await tide.another();
    for (let round = 0; committed < ROWS; round++) {
      const way = WAYS[Math.floor(Math.random() * WAYS.length)];
      // One statement per message: several in one message are one transaction.
      for (const statement of way?.sql(`w${writer}_${round}`).split(/(?<=;)/) ?? []) await own.run(statement);
      committed += way?.events ?? 0;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => publisher(writer)));
}

/** What whoever looks for the reason wants to know. */
async function whatIsMissing(committed: readonly unknown[], sink: MemorySink, relay: RunningRelay): Promise<string> {
  const arrived = new Set(sink.delivered.map(({ message }) => String(message.id)));
  const missing = committed.filter((id) => !arrived.has(String(id)));
  const horizon = await tide.rows("select h.*, tide.relay_last_id() as newest from tide.relay_horizon('orders') as h");
  const [first, last, end] = [missing[0], missing.at(-1), committed.at(-1)];
  return `${jsonText({ missing: missing.length, first, last, end, horizon })}\n${lastEvents(relay)}`;
}

describe("[R-11] [relay 5.3] what is committed out of order", () => {
  it(`is all delivered, once and in order of id: ${ROWS} events of ${WRITERS} publishers`, async () => {
    await makePipeline(tide, "orders");
    await tide.rows("select tide.outbox_create('other')");
    const sink = new MemorySink();
    await using relay = startRelay(tide, sink.parts());
    await publishTogether();
    const committed = (
      await tide.rows("select id from tide.tide_outbox_messages where outbox_name = 'orders' order by id")
    ).map(({ id }) => id);
    await until("everything arrived", () => sink.delivered.length >= committed.length).catch(async (error: unknown) => {
      throw new Error(await whatIsMissing(committed, sink, relay), { cause: error });
    });
    const delivered = sink.delivered.map(({ message }) => String(message.id));
    expect(delivered.length).toBeGreaterThanOrEqual(ROWS);
    expect(delivered).toEqual(committed);
    await until(
      "the position is at the end",
      async () => (await positionOf(tide, "orders")) === BigInt(committed.at(-1) ?? 0),
    );
    await relay.stop();
  });
});
