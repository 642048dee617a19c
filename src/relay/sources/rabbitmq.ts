/**
 * RabbitMQ: one queue, acknowledged after the inbox's commit.
 *
 * The broker hands out at most `prefetch_count` messages that are not acknowledged; what has arrived while the last batch
 * was being stored is the next batch. Batches are stored one after the other, so one acknowledgement "up to here" is
 * enough for each. What is in hand when the connection ends goes back to the queue by itself.
 */
import type { Channel, ConsumeMessage } from "amqplib";
import { contentId } from "../brokers/content-id.ts";
import { type Endpoint, endpointFields, endpointUrl, readEndpoint } from "../brokers/endpoint.ts";
import {
  closeFailure,
  openChannel,
  RABBITMQ_PACKAGE,
  RABBITMQ_SCHEME,
  type RabbitmqConnection,
} from "../brokers/rabbitmq-client.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure } from "../failures.ts";
import { bounded } from "../network.ts";
import { deliverUntilStored } from "./redelivery.ts";
import { type Deliver, defineSource, type Incoming, type Source } from "./source.ts";

export default defineSource({
  type: "rabbitmq",
  summary: "RabbitMQ (AMQP 0-9-1), one queue",
  package: RABBITMQ_PACKAGE,
  config: (z) =>
    z.strictObject({
      url: endpointUrl(z, RABBITMQ_SCHEME),
      queue: z.string().min(1).max(255).meta({ description: "Queue, which must be there." }),
      prefetch_count: z.number().int().min(1).max(65_535).default(100).meta({
        description: "Most messages in hand, and of one transaction.",
      }),
      auto_ack: z
        .literal(false)
        .default(false)
        .meta({ description: "Never: it would lose what is in hand when this process ends." }),
      ...endpointFields(z),
    }),
  guarantees: {
    order:
      "The queue's order; what was in hand when the connection ended comes again at its old place, as far as the broker keeps it.",
    duplicates:
      "A message comes again when it could not be acknowledged, with the same message-id; without one, equal bodies of one routing key count as one event.",
    acknowledgement: "basic.ack after the inbox's commit.",
  },
  async open(config, context) {
    const endpoint = readEndpoint(config, RABBITMQ_SCHEME, context);
    const connection = await openChannel(endpoint, context);
    const { queue, prefetch_count: prefetch } = config;
    const limits = { timeoutMs: endpoint.timeoutMs, signal: context.signal, what: "asking RabbitMQ for the queue" };
    try {
      await bounded(connection.channel.checkQueue(queue), limits);
      await bounded(connection.channel.prefetch(prefetch), limits);
    } catch (error) {
      const failure = closeFailure(error, "cannot use the queue");
      await connection.close();
      throw failure;
    }
    return new RabbitmqSource(connection, { endpoint, queue, prefetch }, context);
  },
});

interface Reading {
  endpoint: Endpoint;
  queue: string;
  prefetch: number;
}

class RabbitmqSource implements Source {
  readonly #connection: RabbitmqConnection<Channel>;
  readonly #reading: Reading;
  readonly #context: ConnectorContext;
  /** Aborts when the connection is lost. */
  readonly #ended = new AbortController();
  /** Arrived and not handed over; at most `prefetch`, by the broker's word. */
  #arrived: ConsumeMessage[] = [];
  #wake = () => {};

  constructor(connection: RabbitmqConnection<Channel>, reading: Reading, context: ConnectorContext) {
    this.#connection = connection;
    this.#reading = reading;
    this.#context = context;
    connection.onLost(() => this.#ended.abort());
  }

  async run(deliver: Deliver): Promise<void> {
    const { signal } = this.#context;
    const stopped = AbortSignal.any([signal, this.#ended.signal]);
    const { channel } = this.#connection;
    stopped.addEventListener("abort", () => this.#wake(), { once: true });
    try {
      const consuming = channel.consume(this.#reading.queue, (message) => this.#arrive(message), { noAck: false });
      const { timeoutMs } = this.#reading.endpoint;
      await bounded(consuming, { timeoutMs, signal: stopped, what: "asking RabbitMQ for messages" });
      while (!stopped.aborted) {
        const batch = await this.#next(stopped);
        const last = batch.at(-1);
        if (last === undefined) break;
        await deliverUntilStored(
          deliver,
          batch.map((message) => this.#incoming(message)),
          stopped,
        );
        channel.ack(last, true);
      }
    } catch (error) {
      if (!signal.aborted) throw this.#connection.lost() ?? closeFailure(error, "could not read from RabbitMQ");
    }
    const lost = this.#connection.lost();
    if (lost && !signal.aborted) throw lost;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** What has arrived, at least one; empty when stopped. */
  async #next(stopped: AbortSignal): Promise<ConsumeMessage[]> {
    if (this.#arrived.length === 0 && !stopped.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const batch = stopped.aborted ? [] : this.#arrived;
    this.#arrived = [];
    return batch;
  }

  #arrive(message: ConsumeMessage | null): void {
    if (message === null) {
      const gone = new ConnectorFailure(
        "invalid_destination",
        "the queue is gone: RabbitMQ has ended the subscription",
      );
      this.#connection.drop(gone);
      return;
    }
    this.#arrived.push(message);
    this.#wake();
  }

  #incoming({ content, fields, properties }: ConsumeMessage): Incoming {
    const headers: Record<string, string> = {};
    if (typeof properties.contentType === "string") headers["content-type"] = properties.contentType;
    for (const [name, value] of Object.entries(properties.headers ?? {})) headers[name.toLowerCase()] = textOf(value);
    const subject = fields.routingKey === "" ? this.#reading.queue : fields.routingKey;
    const given = typeof properties.messageId === "string" ? properties.messageId : "";
    return { body: content, eventId: given || contentId(subject, content), subject, headers };
  }
}

/** Headers of AMQP are numbers, dates, lists and tables too. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
