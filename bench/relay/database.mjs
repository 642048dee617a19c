/** A database with schema tide and one outbox, and events in it. */
import pg from "pg";
import { Secret } from "../../dist/base/secrets.js";
import { openSession } from "../../dist/pg/connect/open.js";
import { installSchema } from "../../dist/relay/schema/install.js";

/** Payload of an event of `bytes` bytes. */
export function payload(bytes = 1_000) {
  return JSON.stringify({ order: 1, text: "x".repeat(Math.max(0, bytes - 24)) });
}

export function sessionOptions({ host, port, password }, database) {
  return {
    hosts: [{ host, port }],
    user: "postgres",
    database,
    password: async () => new Secret(password),
    sslMode: "disable",
    sslNegotiation: "postgres",
    tlsFiles: {},
    tlsKeyPassphrase: undefined,
    channelBinding: "disable",
    requireAuth: undefined,
    targetSessionAttrs: "any",
    connectTimeoutMs: 10_000,
    applicationName: "pgkeep bench",
    serverSettings: {},
    loadBalanceHosts: false,
  };
}

export async function open(server, database) {
  const controller = new AbortController();
  const clock = { now: () => new Date(), monotonicMs: () => performance.now() };
  return openSession(sessionOptions(server, database), { signal: controller.signal, clock, warn: () => undefined });
}

/** Makes `name` with schema tide and the outbox "bench". */
export async function makeDatabase(server, name) {
  await server.sql(`drop database if exists ${name} with (force)`);
  await server.sql(`create database ${name}`);
  const session = await open(server, name);
  await installSchema(session, { version: "bench" });
  await session.query("select tide.outbox_create('bench')");
  await session.close();
  return name;
}

export async function withClient(server, database, work) {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: "postgres",
    password: server.password,
    database,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** `count` events of `bytes` bytes, committed, and the statistics of their table made. */
export function fill(server, database, count, bytes = 1_000) {
  return withClient(server, database, async (client) => {
    await client.query("truncate tide.tide_outbox_messages cascade");
    await client.query(
      "insert into tide.tide_outbox_messages (outbox_name, payload, headers) select 'bench', $1::jsonb || jsonb_build_object('n', n), '{}' from generate_series(1, $2::int) as n",
      [payload(bytes), count],
    );
    await client.query("vacuum analyze tide.tide_outbox_messages");
    await client.query("checkpoint");
  });
}

/** Replaces the pipeline "bench". `config` is that of the catalog. */
export function setPipeline(server, database, sinkType, config, more = {}) {
  return withClient(server, database, async (client) => {
    await client.query("delete from tide.relay_outbox_config");
    await client.query("select tide.relay_set_outbox_v2($1)", [
      JSON.stringify({ name: "bench", outbox: "bench", sink_type: sinkType, config, batch_size: 1_000, ...more }),
    ]);
  });
}

/** The same columns, keys and indexes as the outbox, without what publishing adds. */
export const PLAIN_TABLE = `
  create table public.plain_config (outbox_name text primary key);
  insert into public.plain_config values ('bench');
  create table public.plain_messages (
    id bigint generated always as identity primary key,
    outbox_name text not null references public.plain_config on delete cascade,
    payload jsonb, headers jsonb, created_at timestamptz not null default now(), consumed_at timestamptz, consumer_group text);
  create index on public.plain_messages (outbox_name, id) where consumed_at is null;
  create index on public.plain_messages (outbox_name, id);
  create index on public.plain_messages (outbox_name, created_at, id)`;
