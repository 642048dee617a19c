/**
 * MQTT 5: one subscription, acknowledged after the inbox's commit.
 *
 * The session belongs to a fixed client id and outlives the connection, so the broker keeps what arrives while we are
 * away, and sends again what was not acknowledged. It sends at most `window` messages ahead of our acknowledgements.
 *
 * The client acknowledges a message when it has handed it over, and looks at no other packet until then. So it is told
 * that each message needs no acknowledgement, before it looks, and the acknowledgement (four bytes) is written here. Should
 * a later version of the client acknowledge all the same, the source fails instead of losing messages.
 */
import type { IPublishPacket, MqttClient, Packet } from "mqtt";
import { contentId } from "../brokers/content-id.ts";
import { endpointFields, endpointUrl, readEndpoint } from "../brokers/endpoint.ts";
import { connectMqtt, MQTT_PACKAGE, MQTT_SCHEME, type MqttConnection, reasonClassOf } from "../brokers/mqtt-client.ts";
import type { ConnectorContext } from "../connector.ts";
import { ConnectorFailure } from "../failures.ts";
import { bounded, reasonOf } from "../network.ts";
import { deliverUntilStored } from "./redelivery.ts";
import { type Deliver, defineSource, type Incoming, type Source } from "./source.ts";

/** 7 days: a relay that is away over a long weekend finds everything when it returns. */
const SESSION_EXPIRY_SECONDS = 7 * 24 * 3_600;

export default defineSource({
  type: "mqtt",
  summary: "MQTT 5 brokers, one subscription",
  package: MQTT_PACKAGE,
  config: (z) =>
    z.strictObject({
      url: endpointUrl(z, MQTT_SCHEME),
      topic: z.string().min(1).max(65_535).meta({ description: "Topic filter; + and # are wildcards." }),
      qos: z
        .union([z.literal(1), z.literal(2)])
        .default(1)
        .meta({ description: "Highest qos to receive with." }),
      client_id: z.string().min(1).max(255).optional().meta({
        description: "Name of the session, the same after every restart; default pgkeep-<relay group>-<pipeline>.",
      }),
      clean_start: z.literal(false).default(false).meta({
        description: "Never: what arrived while the relay was away would be lost.",
      }),
      session_expiry_seconds: z.number().int().min(60).max(4_294_967_295).default(SESSION_EXPIRY_SECONDS).meta({
        description: "How long the broker keeps messages for a relay that is away.",
      }),
      window: z.number().int().min(1).max(65_535).default(1_000).meta({
        description: "Most messages in hand, and of one transaction.",
      }),
      ...endpointFields(z),
    }),
  guarantees: {
    order: "The broker's order per topic and qos; what was in hand when the connection ended comes again.",
    duplicates:
      "A message comes again when it could not be acknowledged, with the same dedup_key; without one, equal bodies on one topic count as one event.",
    acknowledgement:
      "PUBACK or PUBREC after the inbox's commit; messages published with qos 0 have none and can be lost.",
  },
  async open(config, context) {
    const endpoint = readEndpoint(config, MQTT_SCHEME, context);
    const arrivals = new Arrivals();
    const session = {
      clientId: config.client_id ?? `pgkeep-${context.group}-${context.pipeline}`,
      cleanStart: false,
      expirySeconds: config.session_expiry_seconds,
      receiveMaximum: config.window,
    };
    const connection = await connectMqtt(endpoint, session, context, (client) => arrivals.listen(client));
    try {
      const { topic, qos } = config;
      const what = "subscribing at the MQTT broker";
      const limits = { timeoutMs: endpoint.timeoutMs, signal: context.signal, what };
      // Retained messages come with a new subscription only, not after every restart.
      await bounded(connection.client.subscribeAsync(topic, { qos, rh: 1, rap: true }), limits);
    } catch (error) {
      const failure = connection.lost() ?? subscribeFailure(error);
      await connection.close();
      throw failure;
    }
    return new MqttSource(connection, arrivals, context);
  },
});

function subscribeFailure(error: unknown): ConnectorFailure {
  if (error instanceof ConnectorFailure) return error;
  const given = reasonClassOf(error) ?? "invalid_config";
  return new ConnectorFailure(given, `could not subscribe at the MQTT broker: ${reasonOf(error)}`);
}

/** A message that has arrived and that we, not the client, acknowledge. */
interface Arrival {
  packet: IPublishPacket;
  /** What the sender's qos asks for; 0: nothing. */
  qos: 0 | 1 | 2;
}

/** What has arrived and was not handed over; the broker sends no more than the window. */
class Arrivals {
  #waiting: Arrival[] = [];
  #wake = () => {};
  onOwnAcknowledgement = () => {};

  /** Before the client has looked at anything. */
  listen(client: MqttClient): void {
    client.on("packetreceive", (packet) => this.#take(packet));
    client.on("packetsend", ({ cmd }) => {
      if (cmd === "puback" || cmd === "pubrec") this.onOwnAcknowledgement();
    });
  }

  /** What has arrived, at least one; empty when stopped, of which `wake` tells. */
  async next(stopped: AbortSignal): Promise<Arrival[]> {
    if (this.#waiting.length === 0 && !stopped.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const batch = stopped.aborted ? [] : this.#waiting;
    this.#waiting = [];
    return batch;
  }

  wake(): void {
    this.#wake();
  }

  #take(packet: Packet): void {
    if (packet.cmd !== "publish") return;
    this.#waiting.push({ packet: { ...packet }, qos: packet.qos });
    packet.qos = 0;
    this.#wake();
  }
}

class MqttSource implements Source {
  readonly #connection: MqttConnection;
  readonly #arrivals: Arrivals;
  readonly #context: ConnectorContext;
  /** Aborts when the connection is lost. */
  readonly #ended = new AbortController();

  constructor(connection: MqttConnection, arrivals: Arrivals, context: ConnectorContext) {
    this.#connection = connection;
    this.#arrivals = arrivals;
    this.#context = context;
    connection.onLost(() => this.#ended.abort());
    arrivals.onOwnAcknowledgement = () =>
      connection.drop(new ConnectorFailure("unknown", "this version of the package mqtt acknowledges by itself"));
  }

  async run(deliver: Deliver): Promise<void> {
    const { signal } = this.#context;
    const stopped = AbortSignal.any([signal, this.#ended.signal]);
    stopped.addEventListener("abort", () => this.#arrivals.wake(), { once: true });
    try {
      while (!stopped.aborted) {
        const batch = await this.#arrivals.next(stopped);
        if (batch.length === 0) break;
        await deliverUntilStored(
          deliver,
          batch.map(({ packet }) => incomingOf(packet)),
          stopped,
        );
        this.#acknowledge(batch);
      }
    } catch (error) {
      if (!stopped.aborted) throw error;
    }
    const lost = this.#connection.lost();
    if (lost && !signal.aborted) throw lost;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #acknowledge(batch: readonly Arrival[]): void {
    const packets = batch.flatMap(({ packet: { messageId = 0 }, qos }) => {
      if (qos === 0) return [];
      // PUBACK or PUBREC, two bytes to follow, the packet's number: success, in the short form (MQTT 5, 3.4 and 3.5).
      return [qos === 1 ? 0x40 : 0x50, 2, messageId >> 8, messageId & 0xff];
    });
    if (packets.length > 0) this.#connection.write(Buffer.from(packets));
  }
}

function incomingOf({ topic, payload, properties }: IPublishPacket): Incoming {
  const headers: Record<string, string> = {};
  if (properties?.contentType !== undefined) headers["content-type"] = properties.contentType;
  let eventId: string | undefined;
  for (const [name, value] of Object.entries(properties?.userProperties ?? {})) {
    const text = Array.isArray(value) ? value.join(", ") : value;
    if (name === "dedup_key") eventId = Array.isArray(value) ? value[0] : value;
    else headers[name.toLowerCase()] = text;
  }
  const body = Buffer.from(payload);
  return { body, eventId: eventId || contentId(topic, body), subject: topic, headers };
}
