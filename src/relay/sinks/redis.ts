/**
 * Redis Streams: every message one entry, in the order of the outbox.
 *
 * A batch is one pipeline of XADD over one connection, so Redis writes it in order; the answer to each XADD settles that
 * message. How much an answer is worth is the server's `appendfsync`: only "always" outlives a crash of its machine.
 *
 * Streams have no ids to deduplicate by. Readers find `dedup_key` in the entry; `dedup_window_seconds` lets the server
 * remember the keys for a while and leave repetitions out. Entry and memory are written by one script: a crash between
 * them would lose or double what the window promises.
 */
import type { Redis } from "ioredis";
import { tameLine } from "../../base/tame.ts";
import { type Endpoint, endpointFields, endpointUrl, isCleanText, readEndpoint } from "../brokers/endpoint.ts";
import {
  answerClassOf,
  connectRedis,
  isAboutTheMessage,
  REDIS_PACKAGE,
  REDIS_SCHEME,
  type RedisConnection,
  redisDatabase,
  redisDatabaseField,
  redisFailure,
} from "../brokers/redis-client.ts";
import { FAILURE_CLASSES } from "../failures.ts";
import { DELIVERED, type Delivery, type Disposition, rejectMessage, retryBySink } from "../message.ts";
import { bounded } from "../network.ts";
import { defineSink, type Sink } from "./sink.ts";

/** 1 MiB: what pg_tide allows a message to be. */
const MESSAGE_BYTES = 2 ** 20;
/** 16 MiB: what pg_tide allows a batch to be. */
const BATCH_BYTES = 2 ** 24;
/** 1,024: longer keys are a broken template, and every listing would carry them. */
const MAX_KEY_BYTES = 1_024;

/**
 * KEYS: stream, memory of the dedup key. ARGV: seconds, MAXLEN or "", then the fields. The entry comes first: if XADD fails
 * nothing is remembered.
 */
const ADD_ONCE = `
if redis.call('EXISTS', KEYS[2]) == 1 then return 'seen' end
local bound = ARGV[2] == '' and {} or {'MAXLEN', '~', ARGV[2]}
local words = {'XADD', KEYS[1]}
for _, word in ipairs(bound) do words[#words + 1] = word end
words[#words + 1] = '*'
for index = 3, #ARGV do words[#words + 1] = ARGV[index] end
local id = redis.call(unpack(words))
redis.call('SET', KEYS[2], id, 'EX', ARGV[1])
return id`;

export default defineSink({
  type: "redis",
  summary: "Redis Streams (XADD)",
  package: REDIS_PACKAGE,
  config: (z) =>
    z.strictObject({
      url: endpointUrl(z, REDIS_SCHEME),
      stream_key: z.string().min(1).meta({ description: "Key of the stream; a template." }),
      maxlen: z.number().int().positive().optional().meta({
        description: "About how many entries a stream keeps; older ones are trimmed. Default: all.",
      }),
      database: redisDatabaseField(z),
      dedup_window_seconds: z.number().int().min(1).max(604_800).optional().meta({
        description: "For so long the server leaves out an event it already has. Default: it remembers none.",
      }),
      ...endpointFields(z),
    }),
  guarantees: {
    order: "The stream is in the order of the outbox; a message that is sent again stands where it was sent last.",
    duplicates:
      "An event that is sent again is a second entry with the same dedup_key, or none within dedup_window_seconds.",
    acknowledgement: "Redis has answered XADD; whether that survives a crash of the server is its appendfsync.",
  },
  limits: { batchMessages: 500, batchBytes: BATCH_BYTES, messageBytes: MESSAGE_BYTES },
  lanes: () => 1,
  subject: ({ stream_key }) => stream_key,
  wrapsNative: true,
  async open(config, context) {
    const endpoint = readEndpoint(config, REDIS_SCHEME, context);
    const database = config.database ?? redisDatabase(endpoint);
    const connection = await connectRedis(endpoint, database, context);
    const { maxlen, dedup_window_seconds: dedupWindowSeconds } = config;
    return new RedisSink(connection, { endpoint, maxlen, dedupWindowSeconds });
  },
});

interface Settings {
  endpoint: Endpoint;
  maxlen: number | undefined;
  dedupWindowSeconds: number | undefined;
}

class RedisSink implements Sink {
  readonly #connection: RedisConnection;
  readonly #settings: Settings;

  constructor(connection: RedisConnection, settings: Settings) {
    this.#connection = connection;
    this.#settings = settings;
  }

  async send(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Disposition[]> {
    const lost = this.#connection.lost();
    if (lost) throw lost;
    const refusals = batch.map(refusalOf);
    const answers = this.#add(batch.filter((_, index) => refusals[index] === undefined));
    const timeoutMs = this.#settings.endpoint.timeoutMs;
    let settled: readonly Disposition[];
    try {
      settled = await bounded(answers, { timeoutMs, signal, what: "writing to Redis" });
    } catch (error) {
      // Answers that come later would be taken for those of the next batch's.
      const failure = redisFailure(error, "could not write to Redis");
      this.#connection.drop(failure);
      throw failure;
    }
    const rest = settled.values();
    return refusals.map((refusal) => refusal ?? rest.next().value ?? unanswered(this.#connection));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #add(batch: readonly Delivery[]): Promise<readonly Disposition[]> {
    if (batch.length === 0) return [];
    const pipeline = this.#connection.client.pipeline();
    for (const delivery of batch) this.#queue(pipeline, delivery);
    const results = (await pipeline.exec()) ?? [];
    return results.map(([error]) => (error === null ? DELIVERED : this.#dispositionOf(error)));
  }

  #queue(pipeline: ReturnType<Redis["pipeline"]>, delivery: Delivery): void {
    const { maxlen, dedupWindowSeconds } = this.#settings;
    const key = delivery.subject ?? "";
    const fields = fieldsOf(delivery);
    if (dedupWindowSeconds !== undefined) {
      const memory = `pgkeep:dedup:{${key}}:${delivery.message.dedupKey}`;
      pipeline.call("EVAL", ADD_ONCE, 2, key, memory, dedupWindowSeconds, maxlen ?? "", ...fields);
    } else if (maxlen !== undefined) {
      pipeline.xadd(key, "MAXLEN", "~", maxlen, "*", ...fields);
    } else {
      pipeline.xadd(key, "*", ...fields);
    }
  }

  #dispositionOf(error: Error): Disposition {
    const failureClass = answerClassOf(error);
    if (failureClass === undefined) return unanswered(this.#connection);
    return {
      outcome: FAILURE_CLASSES[failureClass].isTransient ? "retry" : "reject",
      class: failureClass,
      scope: isAboutTheMessage(error) ? "message" : "sink",
      reason: `Redis refused: ${tameLine(error.message)}`,
    };
  }
}

/** Sent, and the connection ended before the answer: it may be there. */
function unanswered(connection: RedisConnection): Disposition {
  const reason = connection.lost()?.message ?? "lost the connection to Redis";
  return retryBySink(connection.lost()?.class ?? "unavailable", reason);
}

function refusalOf({ subject, bytes }: Delivery): Disposition | undefined {
  if (bytes > MESSAGE_BYTES) return rejectMessage("message_too_large", `the message has ${bytes} bytes`);
  if (subject === undefined || subject === "")
    return rejectMessage("invalid_destination", "the key of the stream is empty");
  if (Buffer.byteLength(subject) > MAX_KEY_BYTES) {
    return rejectMessage("invalid_destination", `the key of the stream is longer than ${MAX_KEY_BYTES} bytes`);
  }
  if (!isCleanText(subject))
    return rejectMessage("invalid_destination", "the key of the stream holds control characters");
  return undefined;
}

/** What an entry holds: the id first, so that people reading XRANGE see it; headers under names no field of ours has. */
function fieldsOf({ message, body, contentType, headers }: Delivery): (string | Buffer)[] {
  const fields: (string | Buffer)[] = [
    "dedup_key",
    message.dedupKey,
    "payload",
    body ?? "",
    "content_type",
    contentType,
  ];
  for (const name in headers) fields.push(`header.${name}`, headers[name] ?? "");
  return fields;
}
