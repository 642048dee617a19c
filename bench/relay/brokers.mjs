/**
 * The brokers of the benchmark: those of the tests, which are TypeScript and are packed here first.
 *
 * `startBroker(name, where)` gives what the pipeline's sink and the bare client are told, or `missing`, why it cannot be measured.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";
import { withClient } from "./database.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

async function load(path) {
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "pgkeep-bench-"));
  const isPackage = (id) => !id.startsWith(".") && !id.startsWith("/");
  const bundle = await rolldown({ input: join(root, path), external: isPackage, platform: "node", logLevel: "silent" });
  const { output } = await bundle.write({ dir: folder, format: "esm", codeSplitting: false });
  try {
    return await import(pathToFileURL(join(folder, output[0].fileName)).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How the relay is told a password: the catalog holds no other. */
const PASSWORD = "${env:BENCH_PASSWORD}";

const STARTERS = { nats, redis, rabbitmq, mqtt, kafka, inbox };

export async function startBroker(name, where) {
  try {
    return await STARTERS[name](where);
  } catch (error) {
    return { missing: error.message.split("\n")[0] };
  }
}

async function inbox({ server, database }) {
  await withClient(server, database, (client) => client.query("select tide.inbox_create('bench')"));
  const url = `postgres://postgres:${PASSWORD}@${server.host}:${server.port}/${database}?sslmode=disable`;
  const empty = () => withClient(server, database, (client) => client.query('truncate tide."bench_inbox"'));
  return {
    description: "PostgreSQL, remote",
    environment: { BENCH_PASSWORD: server.password },
    sink: "inbox",
    config: async () => {
      await empty();
      return { inbox: "bench", postgres_url: url };
    },
    bare: async () => {
      await empty();
      return { server: { host: server.host, port: server.port, password: server.password }, database };
    },
    stop: async () => undefined,
  };
}

/** What the brokers have in common. `sink` and `bare` make their part of the settings anew for each run. */
function subject({ broker, name, sink, bare }) {
  const { host, port, ca, user, password } = broker;
  return {
    description: broker.server,
    sink: name,
    environment: { BENCH_PASSWORD: password },
    config: async (run) => ({ tls_ca_file: ca, username: user, password: PASSWORD, ...(await sink(run)) }),
    bare: async (run) => ({ host, port, ca, user, password, ...(await bare(run)) }),
    stop: () => broker.stop(),
  };
}

async function nats() {
  const { startNats } = await load("test/support/brokers/nats.ts");
  const broker = await startNats();
  const url = `tls://127.0.0.1:${broker.port}`;
  const makeStream = async (name) => {
    const { connect } = await import("@nats-io/transport-node");
    const { jetstreamManager } = await import("@nats-io/jetstream");
    const connection = await connect({
      servers: url,
      user: broker.user,
      pass: broker.password,
      tls: { ca: broker.ca },
    });
    const manager = await jetstreamManager(connection);
    await manager.streams.purge(name).catch(() => manager.streams.add({ name, subjects: [`${name}.>`] }));
    await connection.close();
  };
  return subject({
    broker,
    name: "nats",
    sink: async (run) => {
      await makeStream(`relay${run}`);
      return { url, subject: `relay${run}.events` };
    },
    bare: async (run) => {
      await makeStream(`bare${run}`);
      return { url, subject: `bare${run}.events` };
    },
  });
}

async function redis() {
  const { startRedis } = await load("test/support/brokers/redis.ts");
  const broker = await startRedis();
  return subject({
    broker,
    name: "redis",
    sink: async (run) => ({
      url: `rediss://127.0.0.1:${broker.port}`,
      stream_key: `relay-${run}`,
      username: undefined,
    }),
    bare: async (run) => ({ stream: `bare-${run}`, user: undefined }),
  });
}

async function rabbitmq() {
  const { startRabbitmq } = await load("test/support/brokers/rabbitmq.ts");
  const broker = await startRabbitmq();
  const { user, password, port, ca } = broker;
  const url = `amqps://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}`;
  const makeQueue = async (name) => {
    const { connect } = await import("amqplib");
    const connection = await connect(url, { ca });
    const channel = await connection.createChannel();
    await channel.assertExchange(name, "topic", { durable: true });
    await channel.assertQueue(name, { durable: true });
    await channel.bindQueue(name, name, "#");
    await connection.close();
  };
  return subject({
    broker,
    name: "rabbitmq",
    sink: async (run) => {
      await makeQueue(`relay-${run}`);
      return { url: `amqps://127.0.0.1:${port}`, exchange: `relay-${run}` };
    },
    bare: async (run) => {
      await makeQueue(`bare-${run}`);
      return { url, exchange: `bare-${run}` };
    },
  });
}

async function mqtt() {
  const { startMosquitto } = await load("test/support/brokers/mosquitto.ts");
  const broker = await startMosquitto();
  const url = `mqtts://127.0.0.1:${broker.port}`;
  return subject({
    broker,
    name: "mqtt",
    sink: async (run) => ({ url, topic: `relay/${run}` }),
    bare: async (run) => ({ url, topic: `bare/${run}` }),
  });
}

async function kafka() {
  const { KAFKA, startKafka } = await load("test/support/brokers/kafka.ts");
  if (!KAFKA.isThere) throw new Error(KAFKA.reason);
  const broker = await startKafka();
  const brokers = `127.0.0.1:${broker.port}`;
  const makeTopic = async (topic) => {
    const { default: kafkajs } = await import("kafkajs");
    const { ca, user: username, password } = broker;
    const sasl = { mechanism: "scram-sha-512", username, password };
    const settings = { brokers: [brokers], ssl: { ca }, sasl, logLevel: kafkajs.logLevel.NOTHING };
    const admin = new kafkajs.Kafka(settings).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic }], waitForLeaders: true });
    await admin.disconnect();
    return topic;
  };
  return {
    ...subject({ broker, name: "kafka", sink: async () => ({}), bare: async () => ({}) }),
    config: async (run) => ({
      brokers,
      topic: await makeTopic(`relay-${run}`),
      ssl_ca_location: broker.ca,
      security_protocol: "sasl_ssl",
      sasl_mechanism: "SCRAM-SHA-512",
      sasl_username: broker.user,
      sasl_password: PASSWORD,
    }),
    bare: async (run) => ({
      brokers: [brokers],
      ca: broker.ca,
      user: broker.user,
      password: broker.password,
      topic: await makeTopic(`bare-${run}`),
    }),
  };
}
