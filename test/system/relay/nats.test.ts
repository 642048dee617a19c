/** NATS as sink and source, against a real nats-server with JetStream, TLS and users. */
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import sink from "../../../src/relay/sinks/nats.ts";
import source from "../../../src/relay/sources/nats.ts";
import { describeSink } from "../../conformance/relay/sinks.ts";
import { describeSource } from "../../conformance/relay/sources.ts";
import type { Endpoint } from "../../conformance/relay/subject.ts";
import { NATS, type NatsBroker, startNats, startNatsImpostor } from "../../support/brokers/nats.ts";

/** A connection of the test's own. */
async function clientOf(broker: NatsBroker) {
  const nc = await connect({
    servers: `127.0.0.1:${broker.port}`,
    user: broker.user,
    pass: broker.password,
    tls: { ca: broker.ca },
  });
  return { nc, js: jetstream(nc), jsm: await jetstreamManager(nc) };
}

const settingsOf = ({ host, port, ca, password }: Endpoint) => ({
  url: `tls://${host}:${port}`,
  username: "relay",
  password,
  tls_ca_file: ca,
});

const orThrow = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error("no endpoint");
  return value;
};

async function startSubject() {
  const broker = await startNats();
  const { host, port, ca, password } = broker;
  const make = async (place: string) => {
    const { nc, jsm } = await clientOf(broker);
    await jsm.streams.add({ name: place, subjects: [`${place}.>`] });
    await nc.close();
  };
  return {
    broker,
    server: broker.server,
    network: {
      endpoint: { host, port, ca, password },
      pause: broker.pause,
      resume: broker.resume,
      kill: broker.kill,
      restart: broker.restart,
      impostor: startNatsImpostor,
    },
    prepare: make,
    stop: broker.stop,
  };
}

describeSink({
  definition: sink,
  available: NATS,
  async start() {
    const subject = await startSubject();
    return {
      ...subject,
      config: (_place, endpoint) => ({
        ...settingsOf(orThrow(endpoint)),
        subject_template: "{outbox}.{op}",
        publish_timeout_ms: 2_000,
      }),
      subject: (place) => `${place}.event`,
      async read(place) {
        const { nc, js, jsm } = await clientOf(subject.broker);
        const { state } = await jsm.streams.info(place);
        const consumer = await js.consumers.get(place);
        const received = [];
        for (let left = state.messages; left > 0; left--) {
          const message = await consumer.next({ expires: 2_000 });
          if (message === null) break;
          const given: Record<string, string> = {};
          for (const name of message.headers?.keys() ?? [])
            given[name.toLowerCase()] = message.headers?.get(name) ?? "";
          received.push({ body: Buffer.from(message.data), dedupId: given["nats-msg-id"], headers: given });
        }
        await nc.close();
        return received;
      },
    };
  },
});

describeSource({
  definition: source,
  available: NATS,
  async start() {
    const subject = await startSubject();
    return {
      ...subject,
      config: (place, endpoint) => ({
        ...settingsOf(orThrow(endpoint)),
        stream: place,
        durable_name: "reader",
        ack_wait_secs: 2,
      }),
      async write(place, events) {
        const { nc, js } = await clientOf(subject.broker);
        for (const event of events) {
          const made = headers();
          for (const [name, value] of Object.entries(event.headers ?? {})) made.set(name, value);
          await js.publish(`${place}.event`, event.body, { msgID: event.id, headers: made });
        }
        await nc.close();
      },
      async pending(place) {
        const { nc, jsm } = await clientOf(subject.broker);
        const info = await jsm.consumers.info(place, "reader");
        await nc.close();
        return info.num_pending + info.num_ack_pending;
      },
    };
  },
});
