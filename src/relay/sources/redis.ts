/**
 * Redis Streams, read through a consumer group.
 *
 * reading own -> reading new -> storing -> acknowledging -> reading new ... An entry that a consumer was given stays on its
 * list of pending ones until XACK. So the first thing after opening is that list: what was handed over and not stored
 * comes before anything new. Entries that another consumer of the group has left lying are taken over after a while.
 *
 * One connection is enough: nothing is acknowledged while a read waits, because storing and reading take turns.
 */
import type { Redis } from "ioredis";
import { type Endpoint, endpointFields, endpointUrl, readEndpoint } from "../brokers/endpoint.ts";
import {
  answerClassOf,
  connectRedis,
  REDIS_PACKAGE,
  REDIS_SCHEME,
  type RedisConnection,
  redisDatabase,
  redisDatabaseField,
  redisFailure,
} from "../brokers/redis-client.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure } from "../failures.ts";
import { bounded } from "../network.ts";
import { deliverUntilStored } from "./redelivery.ts";
import { type Deliver, defineSource, type Incoming, type Source } from "./source.ts";

/** 1 s: how long a read waits at the server for something new. Told to stop, we do not wait for it. */
const BLOCK_MS = 1_000;

export default defineSource({
  type: "redis",
  summary: "Redis Streams, by a consumer group",
  package: REDIS_PACKAGE,
  config: (z) =>
    z.strictObject({
      url: endpointUrl(z, REDIS_SCHEME),
      stream_key: z.string().min(1).max(1_024).meta({ description: "Key of the stream." }),
      group_name: z
        .string()
        .min(1)
        .max(255)
        .optional()
        .meta({ description: "Consumer group; default pgkeep-<relay group>-<pipeline>." }),
      consumer_name: z.string().min(1).max(255).optional().meta({
        description: "Name within the group, the same after every restart; default: the group's.",
      }),
      batch: z.number().int().min(1).max(10_000).default(500).meta({ description: "Most entries of one transaction." }),
      start: z.enum(["earliest", "latest"]).default("earliest").meta({
        description: "Where a group that does not exist yet begins.",
      }),
      claim_idle_seconds: z.number().int().min(1).max(86_400).default(60).meta({
        description: "After how long entries that another consumer holds are taken over.",
      }),
      database: redisDatabaseField(z),
      ...endpointFields(z),
    }),
  guarantees: {
    order: "The stream's order; entries left by another consumer come when they are taken over.",
    duplicates: "An entry comes again when it could not be acknowledged, with the same id.",
    acknowledgement: "XACK after the inbox's commit.",
  },
  async open(config, context) {
    const endpoint = readEndpoint(config, REDIS_SCHEME, context);
    const connection = await connectRedis(endpoint, config.database ?? redisDatabase(endpoint), context);
    const group = config.group_name ?? `pgkeep-${context.group}-${context.pipeline}`;
    const reading: Reading = {
      endpoint,
      stream: config.stream_key,
      group,
      consumer: config.consumer_name ?? group,
      batch: config.batch,
      claimIdleMs: config.claim_idle_seconds * 1_000,
    };
    try {
      await bounded(createGroup(connection.client, reading, config.start), {
        timeoutMs: endpoint.timeoutMs,
        signal: context.signal,
        what: "asking Redis for the consumer group",
      });
    } catch (error) {
      const failure = redisFailure(error, "could not make the consumer group");
      connection.drop(failure);
      throw failure;
    }
    return new RedisSource(connection, reading, context);
  },
});

interface Reading {
  endpoint: Endpoint;
  stream: string;
  group: string;
  consumer: string;
  batch: number;
  claimIdleMs: number;
}

async function createGroup(client: Redis, { stream, group }: Reading, start: "earliest" | "latest"): Promise<void> {
  try {
    await client.xgroup("CREATE", stream, group, start === "earliest" ? "0" : "$", "MKSTREAM");
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("BUSYGROUP"))) throw error;
  }
}

/** An entry as the client gives it; `fields` is null when it was deleted while it was pending. */
interface Entry {
  id: string;
  fields: Buffer[] | null;
}

class RedisSource implements Source {
  readonly #connection: RedisConnection;
  readonly #reading: Reading;
  readonly #context: ConnectorContext;
  /** The connection's end aborts what waits. */
  readonly #ended = new AbortController();
  /** Next claim, by the monotonic clock. */
  #claimAtMs = 0;

  constructor(connection: RedisConnection, reading: Reading, context: ConnectorContext) {
    this.#connection = connection;
    this.#reading = reading;
    this.#context = context;
    connection.client.once("close", () => this.#ended.abort());
  }

  async run(deliver: Deliver): Promise<void> {
    const { signal } = this.#context;
    const stopped = AbortSignal.any([signal, this.#ended.signal]);
    try {
      // Own pending entries from the first on, until there are none; then new ones.
      for (let from = "0"; !signal.aborted; ) {
        if (await this.#claim(stopped)) from = "0";
        const entries = await this.#read(from, stopped);
        if (from !== ">") from = entries.at(-1)?.id ?? ">";
        if (entries.length > 0) await this.#store(entries, deliver, stopped);
      }
    } catch (error) {
      const failure = this.#connection.lost() ?? redisFailure(error, "could not read from Redis");
      this.#connection.drop(failure);
      if (!signal.aborted) throw failure;
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #store(entries: readonly Entry[], deliver: Deliver, stopped: AbortSignal): Promise<void> {
    const incoming = entries.flatMap((entry) =>
      entry.fields === null ? [] : [this.#incoming(entry.id, entry.fields)],
    );
    if (incoming.length > 0) await deliverUntilStored(deliver, incoming, stopped);
    const { stream, group, endpoint } = this.#reading;
    // Stored is stored, also when we are told to stop meanwhile: that it need not come again takes one short command.
    await bounded(this.#connection.client.xack(stream, group, ...entries.map(({ id }) => id)), {
      timeoutMs: Math.min(endpoint.timeoutMs, BLOCK_MS),
      signal: this.#ended.signal,
      what: "acknowledging to Redis",
    });
  }

  async #read(from: string, stopped: AbortSignal): Promise<Entry[]> {
    const { stream, group, consumer, batch, endpoint } = this.#reading;
    const answer: unknown = await bounded(
      this.#connection.client.xreadgroupBuffer(
        "GROUP",
        group,
        consumer,
        "COUNT",
        batch,
        "BLOCK",
        BLOCK_MS,
        "STREAMS",
        stream,
        from,
      ),
      { timeoutMs: endpoint.timeoutMs + BLOCK_MS, signal: stopped, what: "reading from Redis" },
    );
    const [first] = Array.isArray(answer) ? answer : [];
    return entriesOf(Array.isArray(first) ? first[1] : undefined);
  }

  /** Takes over what others have left for too long; whether there was any. */
  async #claim(stopped: AbortSignal): Promise<boolean> {
    const { stream, group, consumer, batch, claimIdleMs, endpoint } = this.#reading;
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs < this.#claimAtMs) return false;
    this.#claimAtMs = nowMs + claimIdleMs / 2;
    const claim = this.#connection.client.xautoclaim(
      ...([stream, group, consumer, claimIdleMs, "0", "COUNT", batch, "JUSTID"] as const),
    );
    const what = "taking entries over from other consumers";
    try {
      const answer: unknown = await bounded(claim, { timeoutMs: endpoint.timeoutMs, signal: stopped, what });
      const ids: unknown = Array.isArray(answer) ? answer[1] : [];
      return Array.isArray(ids) && ids.length > 0;
    } catch (error) {
      if (answerClassOf(error) !== "protocol_rejection") throw error;
      this.#context.warn("this Redis server knows no XAUTOCLAIM: entries left by other consumers stay with them");
      this.#claimAtMs = Number.POSITIVE_INFINITY;
      return false;
    }
  }

  #incoming(id: string, fields: Buffer[]): Incoming {
    const headers: Record<string, string> = {};
    let body: Buffer | undefined;
    let eventId: string | undefined;
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const name = fields[index]?.toString("utf8") ?? "";
      const value = fields[index + 1] ?? Buffer.alloc(0);
      if (name === "payload") body = value;
      else if (name === "dedup_key") eventId = value.toString("utf8");
      else headers[name.replace(/^header\./, "").toLowerCase()] = value.toString("utf8");
    }
    // Entries of other programs have fields of their own: together they are the event.
    if (body === undefined)
      return {
        body: asJson(fields),
        eventId: eventId || `${this.#reading.stream}:${id}`,
        subject: this.#reading.stream,
        headers: {},
      };
    return { body, eventId: eventId || `${this.#reading.stream}:${id}`, subject: this.#reading.stream, headers };
  }
}

function asJson(fields: readonly Buffer[]): Buffer {
  const pairs = fields.flatMap((name, index) =>
    index % 2 === 0 ? [[name.toString("utf8"), fields[index + 1]?.toString("utf8") ?? ""] as const] : [],
  );
  return Buffer.from(JSON.stringify(Object.fromEntries(pairs)));
}

function entriesOf(list: unknown): Entry[] {
  if (!Array.isArray(list)) return [];
  return list.map((entry: unknown) => {
    const [id, fields]: unknown[] = Array.isArray(entry) ? entry : [];
    if (!Buffer.isBuffer(id)) throw new ConnectorFailure("unknown", "Redis gave an entry without an id");
    return {
      id: id.toString("latin1"),
      fields: Array.isArray(fields) ? fields.filter((field) => Buffer.isBuffer(field)) : null,
    };
  });
}
