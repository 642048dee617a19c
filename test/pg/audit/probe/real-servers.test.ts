/** A whole probe of real servers: what it finds, what it costs them, what it leaves behind, and that it proves nothing of us. */
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { probe } from "../../../../src/net/server-probe/probe-server.ts";
import { startTlsServer } from "../../../support/audit/tls-server.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";

const request = ({ port }: { port: number }) => ({
  host: "127.0.0.1",
  address: "127.0.0.1",
  port,
  database: "postgres",
  roles: ["postgres"],
  signal: new AbortController().signal,
});

async function logged<Result>(
  cluster: TestCluster,
  work: () => Promise<Result>,
): Promise<{ result: Result; lines: string[] }> {
  const before = readFileSync(cluster.logFile, "utf8").length;
  const result = await work();
  const lines = readFileSync(cluster.logFile, "utf8").slice(before).trim().split("\n");
  return { result, lines: lines.filter((line) => / (LOG|FATAL|ERROR|WARNING): /.test(line)) };
}

describe.each(availableMajors())("a strict server of PostgreSQL %s", (major) => {
  it("is asked everything in about 30 connections", async () => {
    await using server = await startTlsServer({ major });
    const { result, lines } = await logged(server.cluster, () => probe(request(server.cluster)));
    expect(result).toMatchObject({
      from: "127.0.0.1",
      offersTls: true,
      acceptsDirectTls: major >= 17,
      versions: ["TLSv1.2", "TLSv1.3"],
      weakGroups: [],
      gaps: {},
    });
    expect(result.connections).toBeLessThanOrEqual(40);
    expect(lines.length, "one line for each connection that broke off, at most").toBeLessThanOrEqual(
      result.connections,
    );
    expect(lines.filter((line) => line.includes("password"))).toEqual([]);
    expect(result.logins.map(({ isEncrypted, demand, mechanisms }) => [isEncrypted, demand, mechanisms])).toEqual([
      [false, "scram", ["SCRAM-SHA-256"]],
      [true, "scram", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]],
      [false, "scram", ["SCRAM-SHA-256"]],
      [true, "scram", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]],
    ]);
  });

  it("without TLS is asked for TLS once, and for logins in plain text", async () => {
    await using cluster = await startCluster({ major });
    const { result, lines } = await logged(cluster, () => probe(request(cluster)));
    expect(result).toMatchObject({
      offersTls: false,
      acceptsDirectTls: false,
      versions: [],
      suites: [],
      chain: [],
      gaps: {},
    });
    expect(result.connections).toBe(4);
    expect(lines.length).toBeLessThanOrEqual(2);
  });
});

describe("the bytes of a probe", () => {
  it("hold no password, no proof and nothing after a startup packet, wherever they can be read", async () => {
    await using cluster = await startCluster({ hba: ["host all all all password"] });
    const sent: Buffer[] = [];
    const relay = createServer((socket) => {
      const place = sent.push(Buffer.alloc(0)) - 1;
      const onward = connect(cluster.port, cluster.host);
      socket.on("data", (chunk: Buffer) => {
        sent[place] = Buffer.concat([sent[place] ?? Buffer.alloc(0), chunk]);
      });
      socket.on("error", () => onward.destroy()).pipe(onward);
      onward.on("error", () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    const address = relay.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const result = await probe(request(address));
    relay.close();
    expect(result.logins.map(({ demand }) => demand)).toEqual(["clear text", "clear text"]);
    expect(sent).toHaveLength(result.connections);
    for (const bytes of sent) expect(bytes.length, "one packet, as long as it says").toBe(bytes.readInt32BE(0));
    expect(sent.filter((bytes) => bytes.includes("application_name\0pgkeep-audit\0"))).toHaveLength(2);
  });
});
