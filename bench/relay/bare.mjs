/**
 * The least a Node program can do, in a process of its own: `node bare.mjs reader|nats|redis|... '{...}'`.
 *
 * `reader` reads the outbox with the pg driver, 1,000 rows at a time by key, and looks at nothing. The others send events
 * that are in memory already with the broker's own client, acknowledged, with as many on their way as the relay has. Prints one line of JSON.
 */
import { request } from "undici";
import { payload, withClient } from "./database.mjs";

const [what, given] = process.argv.slice(2);
const options = JSON.parse(given);
const body = payload();

const senders = { reader, webhook, nats, redis, rabbitmq, mqtt, kafka, inbox };
const { events, ms } = await senders[what](options);
process.stdout.write(`${JSON.stringify({ events, ms })}\n`);
process.exit(0);

async function timed(events, work) {
  const started = performance.now();
  await work();
  return { events, ms: performance.now() - started };
}

async function reader({ server, database }) {
  return withClient(server, database, async (client) => {
    let events = 0;
    let after = "0";
    const started = performance.now();
    for (;;) {
      const { rows } = await client.query({
        name: "page",
        text: "select id, payload::text, headers::text, created_at::text from tide.tide_outbox_messages where outbox_name = $1 and id > $2 order by id limit 1000",
        values: ["bench", after],
        rowMode: "array",
      });
      if (rows.length === 0) break;
      events += rows.length;
      after = rows.at(-1)[0];
    }
    return { events, ms: performance.now() - started };
  });
}

async function webhook({ url, count, inFlight }) {
  const { Agent } = await import("undici");
  const dispatcher = new Agent({ connections: inFlight, pipelining: 1 });
  let next = 0;
  return timed(count, async () => {
    const one = async () => {
      while (next < count) {
        const n = next++;
        const headers = { "content-type": "application/json", "idempotency-key": `outbox_bench:${n}:0` };
        const answer = await request(url, { method: "POST", body: `[${body}]`, headers, dispatcher });
        await answer.body.dump();
        if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, one));
  });
}

/** `send(n)` for every n, `inFlight` at once, each begun as soon as another has ended. */
async function windowed(count, inFlight, send) {
  let next = 0;
  const one = async () => {
    while (next < count) await send(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}

async function nats({ url, ca, user, password, subject, count }) {
  const { connect } = await import("@nats-io/transport-node");
  const { jetstream } = await import("@nats-io/jetstream");
  const connection = await connect({ servers: url, user, pass: password, tls: { ca } });
  const js = jetstream(connection);
  return timed(count, () => windowed(count, 512, (n) => js.publish(subject, body, { msgID: `bare-${n}` })));
}

async function redis({ host, port, ca, user, password, stream, count }) {
  const { Redis } = await import("ioredis");
  const client = new Redis({ host, port, username: user, password, tls: { ca } });
  return timed(count, async () => {
    for (let from = 0; from < count; from += 500) {
      const pipeline = client.pipeline();
      for (let n = from; n < Math.min(from + 500, count); n++)
        pipeline.xadd(stream, "*", "dedup_key", `b${n}`, "payload", body);
      await pipeline.exec();
    }
  });
}

async function rabbitmq({ url, ca, exchange, count }) {
  const { connect } = await import("amqplib");
  const channel = await (await connect(url, { ca })).createConfirmChannel();
  await channel.assertExchange(exchange, "topic");
  return timed(count, async () => {
    for (let from = 0; from < count; from += 500) {
      for (let n = from; n < Math.min(from + 500, count); n++) {
        channel.publish(exchange, "bench", Buffer.from(body), { persistent: true, messageId: `b${n}` });
      }
      await channel.waitForConfirms();
    }
  });
}

async function mqtt({ url, ca, user, password, topic, count }) {
  const { connectAsync } = await import("mqtt");
  const client = await connectAsync(url, {
    ca,
    username: user,
    password,
    protocolVersion: 5,
    properties: { receiveMaximum: 1_000 },
  });
  return timed(count, () => windowed(count, 1_000, () => client.publishAsync(topic, body, { qos: 1 })));
}

async function kafka({ brokers, ca, user, password, topic, count }) {
  const { default: kafkajs } = await import("kafkajs");
  const client = new kafkajs.Kafka({
    brokers,
    ssl: { ca },
    sasl: { mechanism: "scram-sha-512", username: user, password },
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const producer = client.producer({ idempotent: true });
  await producer.connect();
  return timed(count, async () => {
    for (let from = 0; from < count; from += 500) {
      const messages = Array.from({ length: Math.min(500, count - from) }, (_, n) => ({
        key: `b${from + n}`,
        value: body,
      }));
      await producer.send({ topic, messages, acks: -1 });
    }
  });
}

async function inbox({ server, database, count }) {
  return withClient(server, database, async (client) => {
    const text =
      'insert into tide."bench_inbox" (event_id, source, payload, headers) select * from unnest($1::text[], $2::text[], $3::jsonb[], $4::jsonb[]) on conflict do nothing';
    return timed(count, async () => {
      for (let from = 0; from < count; from += 500) {
        const numbers = Array.from({ length: Math.min(500, count - from) }, (_, n) => from + n);
        const values = [
          numbers.map((n) => `b${n}`),
          numbers.map(() => "bench"),
          numbers.map(() => body),
          numbers.map(() => "{}"),
        ];
        await client.query(text, values);
      }
    });
  });
}
