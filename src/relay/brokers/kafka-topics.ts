/** What is known about topics: that they are there, and how large a record batch each takes. */
import type { Clock } from "../../base/clock.ts";
import { ConnectorFailure } from "../failures.ts";
import type { KafkaCalls } from "./kafka-calls.ts";

/** Brokers' own default of max.message.bytes, which limits a record batch; used where a topic's may not be read. */
const DEFAULT_BATCH_BYTES = 1_048_588;
/** 1,000 topics: a template of many topics must not fill the memory. */
const MAX_KNOWN_TOPICS = 1_000;
/** 5 min: how long what is known about a topic holds; a smaller limit is then found by a refusal. */
const TOPIC_TTL_MS = 300_000;

export class KafkaTopics {
  readonly #calls: KafkaCalls;
  readonly #clock: Clock;
  readonly #known = new Map<string, { batchBytes: number; atMs: number }>();

  constructor(calls: KafkaCalls, clock: Clock) {
    this.#calls = calls;
    this.#clock = clock;
  }

  /** Bytes of a record batch that `topic` takes. Throws ConnectorFailure when there is nothing to send to. */
  async batchBytesOf(topic: string, signal: AbortSignal): Promise<number> {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#known.get(topic);
    if (known && nowMs - known.atMs < TOPIC_TTL_MS) return known.batchBytes;
    await this.#calls.ask(signal, (admin) => admin.fetchTopicMetadata({ topics: [topic] }));
    const batchBytes = await this.#readBatchBytes(topic, signal);
    if (this.#known.size >= MAX_KNOWN_TOPICS) this.#known.clear();
    this.#known.set(topic, { batchBytes, atMs: nowMs });
    return batchBytes;
  }

  /** After a refusal: it is looked at again before the next message to it. */
  forget(topic: string): void {
    this.#known.delete(topic);
  }

  /** The topic's max.message.bytes, where it may be read. */
  async #readBatchBytes(topic: string, signal: AbortSignal): Promise<number> {
    const resource = {
      type: this.#calls.client.ConfigResourceTypes.TOPIC,
      name: topic,
      configNames: ["max.message.bytes"],
    };
    try {
      const answer = await this.#calls.ask(signal, (admin) =>
        admin.describeConfigs({ includeSynonyms: false, resources: [resource] }),
      );
      const value = Number(answer.resources[0]?.configEntries[0]?.configValue);
      return Number.isSafeInteger(value) && value > 0 ? value : DEFAULT_BATCH_BYTES;
    } catch (error) {
      // The user may not, or the cluster has no controller to ask just now: what is too large will be refused one by one.
      if (error instanceof ConnectorFailure) return DEFAULT_BATCH_BYTES;
      throw error;
    }
  }
}
