/**
 * Calls of a Kafka sink in bounded time: a producer, and an admin that asks about topics.
 *
 * Each has connections of its own, made when first needed, so that one can be cut off alone. After a call that failed a
 * producer is thrown away, since nobody knows what of it was stored; the admin only when it was the connection that
 * failed, and not when the cluster said no.
 */
import type * as Kafkajs from "kafkajs";
import { ConnectorFailure } from "../failures.ts";
import { bounded } from "../network.ts";
import type { KafkaClient, KafkaLink } from "./kafka.ts";

/** 1.5 s for a client to say goodbye. */
const CLOSE_TIMEOUT_MS = 1_500;

export interface KafkaCallsOptions {
  client: KafkaClient;
  link: () => KafkaLink;
  idempotent: boolean;
  compression: "none" | "gzip";
  /** Of one call, with the client's own retries. */
  timeoutMs: number;
}

interface Linked<Client extends Kafkajs.Producer | Kafkajs.Admin> {
  link: KafkaLink;
  client: Client;
}

interface Work<T> {
  what: string;
  signal: AbortSignal;
  run: () => Promise<T>;
}

export class KafkaCalls {
  readonly client: KafkaClient;
  readonly #options: KafkaCallsOptions;
  #producing: Promise<Linked<Kafkajs.Producer>> | undefined;
  #asking: Promise<Linked<Kafkajs.Admin>> | undefined;
  #isClosed = false;

  constructor(options: KafkaCallsOptions) {
    this.client = options.client;
    this.#options = options;
  }

  /** Connects, and gets a producer id. Throws ConnectorFailure. */
  async connectProducer(signal: AbortSignal): Promise<void> {
    await this.#producer(signal);
  }

  /** One call for one record batch per partition. Throws ConnectorFailure; after one the producer is not used again. */
  async produce(record: Kafkajs.ProducerRecord, signal: AbortSignal): Promise<undefined> {
    const { GZIP, None } = this.client.CompressionTypes;
    const compression = this.#options.compression === "gzip" ? GZIP : None;
    const mine = this.#producer(signal);
    try {
      const { link, client } = await mine;
      await this.#bounded(link, { what: "sending", signal, run: () => client.send({ ...record, compression }) });
    } catch (error) {
      void leave(mine);
      if (this.#producing === mine) this.#producing = undefined;
      throw error;
    }
  }

  /** Asks about a topic. A link that failed is not used again. Throws ConnectorFailure. */
  async ask<T>(signal: AbortSignal, question: (admin: Kafkajs.Admin) => Promise<T>): Promise<T> {
    this.#asking ??= this.#connect(signal, ({ kafka }) => kafka.admin());
    const mine = this.#asking;
    try {
      const { link, client } = await mine;
      return await this.#bounded(link, { what: "looking at the topic", signal, run: () => question(client) });
    } catch (error) {
      const isAnswer = error instanceof ConnectorFailure && !error.isTransient;
      if (!isAnswer && this.#asking === mine) {
        this.#asking = undefined;
        void leave(mine);
      }
      throw error;
    }
  }

  /** Ends both in bounded time. Never throws. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const [producing, asking] = [this.#producing, this.#asking];
    this.#producing = undefined;
    this.#asking = undefined;
    await Promise.all([leave(producing), leave(asking)]);
  }

  #producer(signal: AbortSignal): Promise<Linked<Kafkajs.Producer>> {
    this.#producing ??= this.#connect(signal, ({ kafka }) =>
      kafka.producer({
        idempotent: this.#options.idempotent,
        allowAutoTopicCreation: false,
        createPartitioner: this.client.Partitioners.DefaultPartitioner,
      }),
    );
    return this.#producing;
  }

  async #connect<C extends Kafkajs.Producer | Kafkajs.Admin>(
    signal: AbortSignal,
    make: (link: KafkaLink) => C,
  ): Promise<Linked<C>> {
    const link = this.#options.link();
    const client = make(link);
    try {
      await this.#bounded(link, { what: "connecting", signal, run: () => client.connect() });
    } catch (error) {
      link.cut();
      throw error;
    }
    if (this.#isClosed) link.cut();
    return { link, client };
  }

  /** Work over `link`, within the time of a call. Throws ConnectorFailure. */
  async #bounded<T>(link: KafkaLink, { what, signal, run }: Work<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    try {
      return await bounded(Promise.race([run(), link.hopeless]), { timeoutMs, signal, what });
    } catch (error) {
      if (error instanceof ConnectorFailure) link.cut();
      throw link.failure(error, what);
    }
  }
}

/** Says goodbye in bounded time, then cuts what is left. */
async function leave(linked: Promise<Linked<Kafkajs.Producer | Kafkajs.Admin>> | undefined): Promise<void> {
  try {
    if (linked === undefined) return;
    const { link, client } = await linked;
    const signal = new AbortController().signal;
    const goodbye = bounded(client.disconnect(), { timeoutMs: CLOSE_TIMEOUT_MS, signal, what: "closing" });
    await goodbye.catch(() => {}).finally(link.cut);
  } catch {
    // It never connected, and cut its link itself.
  }
}
