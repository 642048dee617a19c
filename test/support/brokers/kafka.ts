/**
 * A Kafka broker for tests: Apache Kafka itself (KRaft, one node), or the mock inside of Debian's kcat where that cannot
 * be had. What runs is what `server` says.
 *
 * The real one listens on several ports of loopback: SASL over TLS, TLS with client certificates, no TLS, and SASL over
 * TLS once more under an advertised port of a test's own choice, behind which the test can put a proxy.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Admin } from "kafkajs";
import { freePort } from "../free-port.ts";
import { eventually } from "../processes.ts";
import { awaitPort, lifecycle, makeDen, type ServerProcess, type TestBroker, writeCertificates } from "./broker.ts";
import { KAFKA_VERSION, kafkaFiles } from "./kafka-files.ts";

const KCAT = "/usr/bin/kcat";
const files = kafkaFiles();

/** The real broker. */
export const KAFKA = {
  isThere: "folder" in files,
  reason: "folder" in files ? "" : files.reason,
};

/** The mock, which knows neither TLS nor users. */
export const KAFKA_MOCK = { isThere: existsSync(KCAT), reason: "Debian package kcat is not installed" };

export interface KafkaBroker extends TestBroker {
  plainPort: number;
  /** TLS that asks for a client certificate of `authority`. */
  mutualPort: number;
  /** Listens here with SASL over TLS, and says that it listens at `advertisedPort`. */
  proxiedPort: number;
  advertisedPort: number;
  /** A user who may do nothing with topics whose names begin with "forbidden". */
  limited: { user: string; password: string };
}

/** 512 MB: one node with little to do, beside everything else on the machine. */
const HEAP = ["-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/**
 * How many messages a topic has had. Asked again for 10 s: a broker that has just come back says for a moment that it
 * leads no partition, and the client does not try that again by itself.
 */
export async function messagesIn(admin: Admin, topic: string): Promise<number> {
  let total: number | undefined;
  let reason: unknown;
  await eventually(async () => {
    try {
      const offsets = await admin.fetchTopicOffsets(topic);
      total = offsets.reduce((sum, { high }) => sum + Number(high), 0);
    } catch (error) {
      reason = error;
    }
    return total !== undefined;
  });
  if (total === undefined) throw reason;
  return total;
}

export async function startKafka(options: { settings?: Record<string, string> } = {}): Promise<KafkaBroker> {
  if (!("folder" in files)) throw new Error(files.reason);
  const classPath = join(files.folder, "*");
  const den = await makeDen("kafka");
  const certificates = await writeCertificates(den.directory);
  const at = (name: string) => join(den.directory, name);
  await writeFile(at("server.both.pem"), read(certificates.keyFile) + read(certificates.certificateFile), {
    mode: 0o600,
  });
  const [port, plainPort, mutualPort, proxiedPort, advertisedPort, controllerPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const password = `kafka:/@ ${randomBytes(9).toString("base64url")}`;
  const limited = { user: "limited", password: `limited-${randomBytes(9).toString("base64url")}` };
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required user_relay="${password}" user_limited="${limited.password}";`;
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  const saslOf = (listener: string) => ({
    [`listener.name.${listener}.sasl.enabled.mechanisms`]: "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    [`listener.name.${listener}.plain.sasl.jaas.config`]: plain,
    [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`]: scram,
    [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]: scram,
  });
  const settings: Record<string, string> = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    listeners: [
      `SASL://127.0.0.1:${port}`,
      `PLAIN://127.0.0.1:${plainPort}`,
      `MUTUAL://127.0.0.1:${mutualPort}`,
      `PROXIED://127.0.0.1:${proxiedPort}`,
      `CONTROLLER://127.0.0.1:${controllerPort}`,
    ].join(","),
    "advertised.listeners": [
      `SASL://127.0.0.1:${port}`,
      `PLAIN://127.0.0.1:${plainPort}`,
      `MUTUAL://127.0.0.1:${mutualPort}`,
      `PROXIED://127.0.0.1:${advertisedPort}`,
    ].join(","),
    "listener.security.protocol.map": "SASL:SASL_SSL,PLAIN:PLAINTEXT,MUTUAL:SSL,PROXIED:SASL_SSL,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAIN",
    "controller.listener.names": "CONTROLLER",
    ...saslOf("sasl"),
    ...saslOf("proxied"),
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": at("server.both.pem"),
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": certificates.caFile,
    "listener.name.mutual.ssl.client.auth": "required",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:relay;User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": "true",
    "log.dirs": at("data"),
    // What was acknowledged is on disk when the broker is killed.
    "log.flush.interval.messages": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    // A broker that was killed may come back at once.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "300",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "num.partitions": "1",
    "auto.create.topics.enable": "false",
    ...options.settings,
  };
  const properties = Object.entries(settings).map(([name, value]) => `${name}=${value.replaceAll("\\", "\\\\")}`);
  await writeFile(at("server.properties"), `${properties.join("\n")}\n`, { mode: 0o600 });
  const java = (name: string, words: string[]) =>
    den.start(name, "/usr/bin/env", ["java", ...HEAP, "-cp", classPath, ...words]);
  const users = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=relay,password=${password}]`,
  ]);
  const id = randomBytes(16).toString("base64url");
  const format = ["kafka.tools.StorageTool", "format", "-t", id, "-c", at("server.properties"), ...users];
  await done(java("format", format));
  const launch = async () => {
    const server = java("kafka", ["kafka.Kafka", at("server.properties")]);
    await awaitPort(port, server, 40_000);
    return server;
  };
  return {
    server: `kafka: real broker ${KAFKA_VERSION}`,
    host: "127.0.0.1",
    port,
    plainPort,
    mutualPort,
    proxiedPort,
    advertisedPort,
    limited,
    user: "relay",
    password,
    authority: certificates.authority,
    ca: certificates.authority.pem,
    directory: den.directory,
    ...lifecycle({ den, launch, first: await launch() }),
  };
}

export interface KafkaMock extends AsyncDisposable {
  server: string;
  brokers: string;
}

/** The mock cluster inside of kcat. */
export async function startKafkaMock(): Promise<KafkaMock> {
  const den = await makeDen("kafka-mock");
  const words = ["-b", "127.0.0.1:1", "-C", "-t", "unused", "-X", "test.mock.num.brokers=1", "-X", "debug=mock"];
  const process = den.start("kcat", KCAT, words);
  // Its log goes on for as long as it runs; the address stands at the beginning.
  const brokersIn = () => /bootstrap\.servers=([^\s]+)/.exec(read(join(den.directory, "kcat.log")))?.[1];
  if (!(await eventually(() => brokersIn() !== undefined))) {
    await process.end("SIGKILL");
    throw new Error(`kcat started no mock:\n${process.log()}`);
  }
  return {
    server: "kafka: librdkafka mock",
    brokers: brokersIn() ?? "",
    async [Symbol.asyncDispose]() {
      await process.end("SIGKILL");
      await den.remove();
    },
  };
}

/** Waits for a program that ends by itself. */
async function done(process: ServerProcess): Promise<void> {
  const ended = await eventually(() => !existsSync(`/proc/${process.pid}`), 30_000);
  if (!ended || /exception/i.test(process.log())) throw new Error(`could not prepare the broker:\n${process.log()}`);
}

function read(path: string): string {
  return readFileSync(path, "utf8");
}
