/**
 * Takes an order and publishes it, both or neither.
 *
 *   DATABASE_URL=postgresql://app@localhost/shop node examples/relay/publish.mjs book 12.50
 */
import pg from "pg";
import { publish } from "pgkeep/relay";

const [article = "book", total = "9.90"] = process.argv.slice(2);

const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
try {
  await client.query("begin");
  const { rows } = await client.query("insert into shop_order (article, total) values ($1, $2) returning id", [
    article,
    total,
  ]);
  const order = Number(rows[0].id);
  const event = { payload: { order, article, total: Number(total) }, type: "order.taken", key: `order-${order}` };
  const id = await publish(client, "orders", event);
  await client.query("commit");
  console.log(`order ${order} is event ${id}`);
} catch (error) {
  await client.query("rollback");
  throw error;
} finally {
  await client.end();
}
