/** A relay in the test's own process, with a sink in memory that answers as the test wants. */
import { systemClock } from "../../../src/base/clock.ts";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import type { RelayEvent } from "../../../src/relay/engine/events.ts";
import type { RelayOptions, RelaySummary } from "../../../src/relay/engine/options.ts";
import type { Outlet, RelayParts } from "../../../src/relay/engine/parts.ts";
import { runRelay } from "../../../src/relay/engine/run.ts";
import type { WorkerContext } from "../../../src/relay/engine/worker.ts";
import { DELIVERED, type Delivery, type Disposition, type Message } from "../../../src/relay/message.ts";
import type { Sink } from "../../../src/relay/sinks/sink.ts";
import { connectTo } from "../connection.ts";
import type { Tide } from "../tide-session.ts";

export type Answer = (delivery: Delivery, pipeline: string) => Disposition | Promise<Disposition>;

export interface MemorySinkOptions {
  answer?: Answer;
  /** Answers the whole batch; wins over `answer`. */
  answerAll?: (batch: readonly Delivery[], pipeline: string) => Promise<readonly Disposition[]>;
  lanes?: number;
  limits?: Partial<Outlet["limits"]>;
  /** Throws when the sink cannot be opened. */
  onOpen?: (pipeline: string) => Promise<void> | void;
  orderKeyOf?: (message: Message) => string;
}

/** What arrived, in the order of arrival, over all pipelines and relays that were given it. */
export class MemorySink {
  readonly delivered: Delivery[] = [];
  readonly batches: string[][] = [];
  opened = 0;
  readonly #options: MemorySinkOptions;

  constructor(options: MemorySinkOptions = {}) {
    this.#options = options;
  }

  get keys(): string[] {
    return this.delivered.map(({ message }) => message.dedupKey);
  }

  get payloads(): unknown[] {
    return this.delivered.map(({ message }) => JSON.parse(message.payload));
  }

  parts(): RelayParts {
    return { ...catalogueParts, openOutlet: async (context) => this.#outlet(context) };
  }

  #outlet(context: WorkerContext): Outlet {
    const { lanes = 1, limits, onOpen, orderKeyOf } = this.#options;
    const { name, orderKey } = context.pipeline;
    const keyOf = orderKeyOf ?? ((message: Message) => (orderKey === "dedup" ? message.dedupKey : ""));
    return {
      shape: (message) => ({ kind: "deliveries", deliveries: [deliveryOf(message, keyOf(message))] }),
      sinkType: "memory",
      lanes,
      limits: { batchMessages: 500, batchBytes: 16 * 1024 * 1024, messageBytes: 1024 * 1024, ...limits },
      openSink: async () => {
        await onOpen?.(name);
        this.opened += 1;
        return this.#sink(name);
      },
    };
  }

  #sink(pipeline: string): Sink {
    const { answer = () => DELIVERED, answerAll } = this.#options;
    return {
      send: async (batch) => {
        this.batches.push(batch.map(({ message }) => message.dedupKey));
        const answers = answerAll
          ? await answerAll(batch, pipeline)
          : await Promise.all(batch.map((delivery) => answer(delivery, pipeline)));
        batch.forEach((delivery, index) => {
          if (answers[index]?.outcome === "delivered") this.delivered.push(delivery);
        });
        return answers;
      },
      close: async () => undefined,
    };
  }
}

function deliveryOf(message: Message, orderKey: string): Delivery {
  return {
    message,
    subject: undefined,
    orderKey,
    key: message.dedupKey,
    body: message.payload,
    contentType: "application/json",
    headers: {},
    bytes: message.payload.length,
  };
}

export interface RunningRelay extends AsyncDisposable {
  events: RelayEvent[];
  done: Promise<RelaySummary>;
  reload(): void;
  /** Lets it drain. */
  stop(): Promise<RelaySummary>;
}

/** Starts a relay on the database of `tide`. */
export function startRelay(tide: Tide, parts: RelayParts, changes: Partial<RelayOptions> = {}): RunningRelay {
  const stopping = new AbortController();
  const events: RelayEvent[] = [];
  let reload = () => {};
  const options: RelayOptions = {
    group: "default",
    tenant: undefined,
    only: undefined,
    label: "test",
    maxOwnedPipelines: 50,
    maxConnections: 52,
    discoveryIntervalMs: 30_000,
    takeoverIntervalMs: 300,
    leaseMs: 3_000,
    drainTimeoutMs: 5_000,
    sweepIntervalMs: 0,
    untilIdle: false,
    addresses: { allow: [] },
    secretRoots: [],
    environment: {},
    allowInsecure: false,
    allowInlineSecrets: false,
    openDatabase: () => connectTo(tide.cluster, { database: tide.database }),
    resolveDatabase: () => Promise.reject(new Error("no remote database here")),
    streams: { input: process.stdin, output: process.stdout },
    clock: systemClock,
    onReload: (call) => {
      reload = call;
    },
    signal: stopping.signal,
    random: Math.random,
    report: (event) => events.push(event),
    ...changes,
  };
  const done = runRelay(options, parts);
  done.catch(() => undefined);
  const stop = async (): Promise<RelaySummary> => {
    stopping.abort();
    return done;
  };
  return {
    events,
    done,
    reload: () => reload(),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop().catch(() => undefined);
    },
  };
}

/** Waits until `condition` holds; says what it waited for when it does not come true. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`did not come true in ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What a relay said last, for the message of a test that waited in vain. */
export function lastEvents({ events }: RunningRelay, count = 30): string {
  const told = events.filter(({ type }) => type !== "relay.reconciled").slice(-count);
  return told.map((event) => jsonText(event)).join("\n");
}

/** JSON, with large numbers as text. */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? String(part) : part));

/** Makes an outbox and a forward pipeline of the same name that reads it. */
export async function makePipeline(tide: Tide, name: string, config: Record<string, unknown> = {}): Promise<void> {
  await tide.rows("select tide.outbox_create_if_not_exists($1)", name);
  await setPipeline(tide, name, name, config);
}

export async function setPipeline(
  tide: Tide,
  name: string,
  outbox: string,
  config: Record<string, unknown> = {},
): Promise<void> {
  const document = { name, outbox, sink_type: "stdout", config: {}, ...config };
  await tide.rows("select tide.relay_set_outbox_v2($1)", JSON.stringify(document));
}

/** Publishes `count` events `{"n": first..}` in one transaction. */
export async function publish(tide: Tide, outbox: string, count: number, first = 1): Promise<void> {
  await tide.rows(
    "select tide.outbox_publish($1, pg_catalog.jsonb_build_object('n', n)) from pg_catalog.generate_series($2::int, $3::int) as n",
    outbox,
    String(first),
    String(first + count - 1),
  );
}

/** The recorded position of a pipeline. */
export async function positionOf(tide: Tide, pipeline: string, group = "default"): Promise<bigint> {
  const position = await tide.one(
    "select last_change_id from tide.relay_consumer_offsets where relay_group_id = $1 and pipeline_id = $2",
    group,
    pipeline,
  );
  return BigInt(position ?? 0);
}
