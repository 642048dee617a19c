/**
 * A relay whose catalog was written by an attacker: names that forge lines, configurations that fail in every way with a
 * secret in reach. Nothing printed, counted or stored repeats a secret, and no line is one that the relay did not write.
 */
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../src/pg/session.ts";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { pgkeep, pgkeepStarted } from "../../support/pgkeep.ts";
import { installTide } from "../../support/tide.ts";

const PASSWORD = "relay-password-1b77";
const SECRET = "canary-secret-8a41c9";
const PAYLOAD = "canary-payload-20f3";
const FORGED = 'x\n{"level":"error","event":"forged"}\u001b[31m\u202e::error::forged';

let cluster: TestCluster;
let database: string;
let session: Session;
let echo: Server;
let echoPort: number;

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
  session = await connectTo(cluster, { database });
  await installTide(session, { roles: true });
  await session.script(`do $$ begin create role relay_attacked login password '${PASSWORD}' in role tide_relay;
    exception when duplicate_object then null; end $$; select tide.outbox_create('orders')`);
  // Repeats every header and forges lines in its answer.
  echo = createServer((request, response) => {
    request.resume().on("end", () => {
      response.statusCode = 422;
      response.end(`${FORGED} ${JSON.stringify(request.headers)}`);
    });
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  const address = echo.address();
  echoPort = typeof address === "object" && address !== null ? address.port : 0;
});

afterAll(async () => {
  await session?.close();
  await new Promise((resolve) => echo?.close(resolve));
});

const env = () => ({
  PGHOST: cluster.host,
  PGPORT: String(cluster.port),
  PGDATABASE: database,
  PGUSER: "relay_attacked",
  PGPASSWORD: PASSWORD,
  SECRET,
});

/** Each fails in its own way, with the secret in its hands. */
const sinks = (): [name: string, type: string, sink: Record<string, unknown>][] => [
  [
    FORGED,
    "webhook",
    { url: `http://127.0.0.1:${echoPort}/`, allow_http: true, headers: { "x-key": "${env:SECRET}" } },
  ],
  [
    "echo",
    "webhook",
    { url: `http://127.0.0.1:${echoPort}/`, allow_http: true, headers: { authorization: "Bearer ${env:SECRET}" } },
  ],
  ["url", "webhook", { url: "http://user:${env:SECRET}@127.0.0.1:9/", allow_http: true }],
  ["broken-url", "webhook", { url: "ht!tp://${env:SECRET}" }],
  ["kind", "webhook", { url: `http://127.0.0.1:${echoPort}/`, timeout_secs: "${env:SECRET}" }],
  ["missing", "webhook", { url: "${env:NOT_THERE}${env:SECRET}" }],
  [
    "stolen",
    "webhook",
    { url: `http://127.0.0.1:${echoPort}/`, allow_http: true, headers: { "x-key": "${env:PGPASSWORD}" } },
  ],
  [
    "remote",
    "pg_outbox",
    {
      inbox: "x",
      postgres_url: `postgresql://relay_attacked:\${env:SECRET}@127.0.0.1:${cluster.port}/${database}?sslmode=disable`,
    },
  ],
  ["remote-broken", "pg_outbox", { inbox: "x", postgres_url: "postgresql://u:${env:SECRET}@[::1" }],
  ["redis", "redis", { url: "redis://:${env:SECRET}@127.0.0.1:1", stream_key: "s", allow_insecure: true }],
  [
    "amqp",
    "rabbitmq",
    { url: "amqp://u:${env:SECRET}@127.0.0.1:1/", exchange: "e", routing_key: "k", allow_insecure: true },
  ],
  [
    "mqtt",
    "mqtt",
    { url: "mqtt://127.0.0.1:1", topic: "t", username: "u", password: "${env:SECRET}", allow_insecure: true },
  ],
  ["nats", "nats", { url: "nats://127.0.0.1:1", subject: "s", token: "${env:SECRET}", allow_insecure: true }],
  [
    "kafka",
    "kafka",
    {
      brokers: "127.0.0.1:1",
      topic: "t",
      security_protocol: "sasl_plaintext",
      sasl_mechanism: "PLAIN",
      sasl_username: "u",
      sasl_password: "${env:SECRET}",
      allow_insecure: true,
    },
  ],
];

/** Everything in the schema that somebody may look at. */
const tables = async (): Promise<string> => {
  const rows = await session.query(`
    select string_agg(row_to_json(s)::text, ' ') as shown from tide.relay_runtime_status as s
    union all select string_agg(row_to_json(s)::text, ' ') from tide.relay_pipeline_state as s
    union all select string_agg((row_to_json(d)::jsonb - 'payload')::text, ' ') from tide.relay_dlq as d
    union all select string_agg(row_to_json(h)::text, ' ') from tide.relay_dlq_history as h
    union all select string_agg(row_to_json(l)::text, ' ') from tide.relay_leases as l`);
  return rows.map(({ shown }) => shown).join("\n");
};

describe("a relay with a hostile catalog", () => {
  it("[R-06] [R-21] repeats no secret and no payload, and every line it prints is its own", async () => {
    for (const [name, type, sink] of sinks()) {
      const config = { schema_version: 1, source_type: "outbox", source: { outbox: "orders" }, sink_type: type, sink };
      await session.query("insert into tide.relay_outbox_config (name, config) values ($1, $2)", [
        name,
        JSON.stringify(config),
      ]);
    }
    await session.query("select tide.outbox_publish('orders', $1)", [JSON.stringify({ note: PAYLOAD })]);
    const flags = [
      "relay",
      "run",
      "--ssrf-allow",
      "127.0.0.0/8",
      "--ssrf-allow",
      "::1/128",
      "--allow-insecure",
      "--log-level",
      "debug",
    ];
    const relay = pgkeepStarted([...flags, "--log-format", "json", "--metrics-addr", "127.0.0.1:0"], { env: env() });
    let log = "";
    relay.child.stderr?.on("data", (chunk: string) => {
      log += chunk;
    });
    const told = async (what: RegExp): Promise<string> => {
      for (let tries = 0; tries < 300 && !what.test(log); tries++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      return what.exec(log)?.[1] ?? "";
    };
    const address = await told(/(127\.0\.0\.1:\d+)/);
    await told(/answered 422/);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const metrics = await (await fetch(`http://${address}/metrics`)).text();
    const status = await pgkeep(["relay", "status", "--json"], { env: env() });
    const people = await pgkeep(["relay", "status"], { env: env() });
    const dead = await pgkeep(["relay", "dlq", "list"], { env: env() });
    const once = await pgkeep(
      [...flags, "--until-idle", "--pipeline", "missing", "--pipeline", "stolen", "--pipeline", "broken-url"],
      { env: env() },
    );
    relay.child.kill("SIGTERM");
    await relay.finished;
    const shown: Record<string, string> = { log, metrics, tables: await tables() };
    for (const [word, { stdout, stderr }] of Object.entries({ status, people, dead, once }))
      shown[word] = stdout + stderr;
    for (const [where, text] of Object.entries(shown)) {
      for (const canary of [SECRET, PASSWORD, Buffer.from(SECRET).toString("base64")])
        expect(text, where).not.toContain(canary);
      expect(text, where).not.toContain(PAYLOAD);
    }
    for (const where of ["log", "people", "dead", "once"]) {
      for (const harm of ["\u001b[31m", "\u202e", "\n::error"]) expect(shown[where], where).not.toContain(harm);
    }
    const lines = log
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.filter(({ event }) => event === "forged")).toEqual([]);
    expect(shown.people?.split("\n").filter((line) => line.startsWith('{"level"'))).toEqual([]);
    expect(metrics.split("\n").filter((line) => line.startsWith('{"level"'))).toEqual([]);
    // What was answered is shown, without what the answer repeated.
    expect(log).toContain("answered 422");
    // The relay's own password was asked for and was not given to anybody.
    expect(log).toContain("a credential of the relay itself");
  });
});
