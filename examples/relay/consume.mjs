/**
 * Packs a parcel for each order in the inbox, once, however often an order is delivered.
 *
 *   DATABASE_URL=postgresql://app@localhost/shop node examples/relay/consume.mjs
 */
import pg from "pg";
import { consume } from "pgkeep/relay";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

const { handled, failed } = await consume({
  inbox: "warehouse",
  connect: () => pool.connect(),
  signal: stop.signal,
  // A service leaves this out and waits for more.
  untilEmpty: true,
  async handle({ payload, source }, tx) {
    // What is written with `tx` is committed together with the mark that the event is done.
    await tx.query("insert into parcel (order_id, article) values ($1, $2)", [payload.order, payload.article]);
    console.log(`${source}: parcel for order ${payload.order}`);
  },
  onFailure: (event, error) => console.error(`${event.id}, attempt ${event.attempt}: ${error.message}`),
});
await pool.end();
console.log(`${handled} handled, ${failed} failed`);
