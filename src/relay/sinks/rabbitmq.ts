/**
 * RabbitMQ: every message published to one exchange, delivered when the broker confirms it.
 *
 * A confirm of a persistent message to durable queues means that it is on disk there. A message that no queue wants is
 * confirmed too, unless `mandatory` is set: then the broker returns it before the confirm, and it counts as refused.
 *
 * A refusal that closes the channel does not say which message it was about. If nothing of the batch was confirmed, the
 * whole batch is reported as refused, so that the engine finds the one by halving; otherwise the rest is tried again.
 */
import type { ConfirmChannel, Options, Message as ReturnedMessage } from "amqplib";
import { type Endpoint, endpointFields, endpointUrl, isCleanText, readEndpoint } from "../brokers/endpoint.ts";
import {
  closeFailure,
  openConfirmChannel,
  RABBITMQ_PACKAGE,
  RABBITMQ_SCHEME,
  type RabbitmqConnection,
} from "../brokers/rabbitmq-client.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure, FAILURE_CLASSES } from "../failures.ts";
import { DELIVERED, type Delivery, type Disposition, rejectMessage, retryBySink } from "../message.ts";
import { bounded, reasonOf } from "../network.ts";
import { defineSink, type Sink } from "./sink.ts";

/** 1 MiB: what pg_tide allows a message to be. */
const MESSAGE_BYTES = 2 ** 20;
/** 16 MiB: what pg_tide allows a batch to be. */
const BATCH_BYTES = 2 ** 24;
/** 255 bytes: a short string of AMQP. */
const SHORT_STRING_BYTES = 255;
/** 100 kB: all headers go into one frame, which is 128 KiB by default; a larger one ends the connection. */
const HEADER_BYTES = 100_000;

export default defineSink({
  type: "rabbitmq",
  summary: "RabbitMQ (AMQP 0-9-1 with publisher confirms)",
  package: RABBITMQ_PACKAGE,
  config: (z) =>
    z.strictObject({
      url: endpointUrl(z, RABBITMQ_SCHEME),
      exchange: z
        .string()
        .max(127)
        .meta({ description: 'Exchange; "" is the default one, which routes to queues by name.' }),
      exchange_type: z.enum(["direct", "fanout", "topic", "headers"]).default("topic").meta({
        description: "Type of the exchange when it has to be made.",
      }),
      declare: z.boolean().default(true).meta({ description: "Make the exchange, durable, when there is none." }),
      routing_key: z
        .string()
        .max(SHORT_STRING_BYTES)
        .default("{outbox}.{op}")
        .meta({ description: "Routing key; a template." }),
      publisher_confirms: z
        .literal(true)
        .default(true)
        .meta({ description: "Always: nothing else says that a message arrived." }),
      mandatory: z.boolean().default(false).meta({ description: "Refuse messages that no queue wants." }),
      persistent: z.boolean().default(true).meta({ description: "Keep messages over a restart of the broker." }),
      headers: z.record(z.string().min(1).max(127), z.string().max(4_096)).default({}).meta({
        description: "Headers of every message.",
      }),
      ...endpointFields(z),
    }),
  guarantees: {
    order:
      "A queue gets the messages in the order of the outbox; one that is sent again comes after those that followed it.",
    duplicates: "A message that is sent again has the same message-id; RabbitMQ does not leave it out.",
    acknowledgement: "The broker's confirm; with mandatory also that a queue took the message.",
  },
  limits: { batchMessages: 500, batchBytes: BATCH_BYTES, messageBytes: MESSAGE_BYTES },
  lanes: () => 1,
  subject: ({ routing_key }) => routing_key,
  wrapsNative: true,
  async open(config, context) {
    const endpoint = readEndpoint(config, RABBITMQ_SCHEME, context);
    const { exchange, mandatory, persistent, routing_key: routingKey, headers } = config;
    const missing = config.declare ? config.exchange_type : undefined;
    const connection = await openWithExchange(endpoint, context, { exchange, missing });
    return new RabbitmqSink(connection, { endpoint, exchange, mandatory, persistent, routingKey, headers });
  },
});

interface Settings {
  endpoint: Endpoint;
  exchange: string;
  mandatory: boolean;
  persistent: boolean;
  routingKey: string;
  headers: Readonly<Record<string, string>>;
}

interface Exchange {
  exchange: string;
  /** Type to make it with when it is missing; undefined: it must be there. */
  missing: string | undefined;
}

/** Looks before it makes: who may publish to an exchange need not have the right to make it. */
async function openWithExchange(endpoint: Endpoint, context: ConnectorContext, { exchange, missing }: Exchange) {
  const connection = await openConfirmChannel(endpoint, context);
  if (exchange === "") return connection;
  const failure = await checked(connection, { endpoint, context }, (channel) => channel.checkExchange(exchange));
  if (failure === undefined) return connection;
  await connection.close();
  if (failure.class !== "invalid_destination" || missing === undefined) throw failure;
  const second = await openConfirmChannel(endpoint, context);
  const made = await checked(second, { endpoint, context }, (channel) =>
    channel.assertExchange(exchange, missing, { durable: true }),
  );
  if (made === undefined) return second;
  await second.close();
  throw made;
}

async function checked(
  connection: RabbitmqConnection<ConfirmChannel>,
  { endpoint: { timeoutMs }, context: { signal } }: { endpoint: Endpoint; context: ConnectorContext },
  ask: (channel: ConfirmChannel) => Promise<unknown>,
): Promise<ConnectorFailure | undefined> {
  try {
    await bounded(ask(connection.channel), { timeoutMs, signal, what: "asking RabbitMQ for the exchange" });
    return undefined;
  } catch (error) {
    return closeFailure(error, "cannot use the exchange");
  }
}

class RabbitmqSink implements Sink {
  readonly #connection: RabbitmqConnection<ConfirmChannel>;
  readonly #settings: Settings;
  /** Ids of messages that came back and whose confirm is still to come. */
  readonly #returned = new Set<string>();

  constructor(connection: RabbitmqConnection<ConfirmChannel>, settings: Settings) {
    this.#connection = connection;
    this.#settings = settings;
    connection.channel.on("return", ({ properties }: ReturnedMessage) => {
      if (typeof properties.messageId === "string") this.#returned.add(properties.messageId);
    });
  }

  async send(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Disposition[]> {
    const lost = this.#connection.lost();
    if (lost) throw lost;
    if (batch.length === 0) return [];
    const { timeoutMs } = this.#settings.endpoint;
    try {
      const answers = await bounded(this.#publish(batch), {
        timeoutMs,
        signal,
        what: "waiting for RabbitMQ's confirms",
      });
      return this.#settled(answers);
    } catch (error) {
      const failure = this.#connection.isBlocked() ? blocked() : closeFailure(error, "could not publish to RabbitMQ");
      this.#connection.drop(failure);
      throw failure;
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** One answer each; undefined where none came before the channel ended. */
  #publish(batch: readonly Delivery[]): Promise<readonly (Disposition | undefined)[]> {
    return new Promise((resolve) => {
      const answers: (Disposition | undefined)[] = Array(batch.length).fill(undefined);
      let open = batch.length;
      const settle = (index: number, answer: Disposition | undefined) => {
        answers[index] = answer;
        open -= 1;
        if (open === 0) resolve(answers);
      };
      for (const [index, delivery] of batch.entries()) {
        const refusal = this.#refusalOf(delivery);
        if (refusal) settle(index, refusal);
        else this.#publishOne(delivery, (answer) => settle(index, answer));
      }
    });
  }

  #publishOne(delivery: Delivery, settle: (answer: Disposition | undefined) => void): void {
    if (this.#connection.lost()) {
      settle(undefined);
      return;
    }
    const { exchange } = this.#settings;
    const body = typeof delivery.body === "string" ? Buffer.from(delivery.body) : (delivery.body ?? Buffer.alloc(0));
    try {
      this.#connection.channel.publish(
        exchange,
        delivery.subject ?? "",
        body,
        this.#optionsOf(delivery),
        (error: unknown) => settle(this.#answerOf(delivery, error)),
      );
    } catch (error) {
      // The client has counted a message that was never sent: its confirms are off by one from here on.
      this.#connection.drop(new ConnectorFailure("unknown", "the client could not write a message"));
      settle(rejectMessage("protocol_rejection", `the client could not write the message: ${reasonOf(error)}`));
    }
  }

  #optionsOf({ message, contentType, headers }: Delivery): Options.Publish {
    const { mandatory, persistent, headers: fixed } = this.#settings;
    return { mandatory, persistent, contentType, messageId: message.dedupKey, headers: { ...headers, ...fixed } };
  }

  #answerOf(delivery: Delivery, error: unknown): Disposition | undefined {
    const wasReturned = this.#returned.delete(delivery.message.dedupKey);
    if (error) return this.#connection.lost() ? undefined : nacked();
    if (!wasReturned) return DELIVERED;
    // A key that is the same for all messages and leads nowhere is a mistake of the pipeline, not of this message.
    const scope = delivery.subject === this.#settings.routingKey ? "sink" : "message";
    return {
      outcome: "reject",
      class: "invalid_destination",
      scope,
      reason: "no queue wants messages of this routing key",
    };
  }

  /** Fills in what the channel's end left without an answer. */
  #settled(answers: readonly (Disposition | undefined)[]): readonly Disposition[] {
    const lost = this.#connection.lost() ?? new ConnectorFailure("unavailable", "lost the connection to RabbitMQ");
    const isAboutOne = lost.class === "message_too_large" || lost.class === "protocol_rejection";
    const isWhole = isAboutOne && !answers.some((answer) => answer?.outcome === "delivered");
    const rest: Disposition = isWhole
      ? rejectMessage(lost.class, lost.message)
      : { outcome: outcomeOf(lost, isAboutOne), class: lost.class, scope: "sink", reason: lost.message };
    return answers.map((answer) => answer ?? rest);
  }

  #refusalOf({ subject = "", bytes, headers, message }: Delivery): Disposition | undefined {
    if (bytes > MESSAGE_BYTES) return rejectMessage("message_too_large", `the message has ${bytes} bytes`);
    for (const text of [subject, message.dedupKey, ...Object.keys(headers)]) {
      if (Buffer.byteLength(text) <= SHORT_STRING_BYTES && isCleanText(text)) continue;
      const what = text === subject ? "routing key" : "name of a header";
      return rejectMessage(
        "invalid_destination",
        `a ${what} is longer than ${SHORT_STRING_BYTES} bytes or holds control characters`,
      );
    }
    const size = Object.entries(headers).reduce(
      (sum, [name, value]) => sum + name.length + Buffer.byteLength(value),
      0,
    );
    return size > HEADER_BYTES ? rejectMessage("message_too_large", `the headers have ${size} bytes`) : undefined;
  }
}

/** The rest of a batch of which a part arrived is tried again, whatever ended it. */
function outcomeOf(lost: ConnectorFailure, isAboutOne: boolean): "retry" | "reject" {
  return isAboutOne || FAILURE_CLASSES[lost.class].isTransient ? "retry" : "reject";
}

/** A queue that is full and refuses, or a broker in trouble. */
function nacked(): Disposition {
  return retryBySink("throttled", "RabbitMQ did not take the message (nack)");
}

function blocked(): ConnectorFailure {
  return new ConnectorFailure("throttled", "RabbitMQ is short of memory or disk and takes no messages");
}
