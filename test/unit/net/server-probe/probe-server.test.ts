/** Probes of servers that speak what no library speaks any more, and of servers that do not behave. */
import { describe, expect, it } from "vitest";
import { Dialer, PROBE_LIMITS, type ProbeLimits } from "../../../../src/net/server-probe/dialer.ts";
import { probe, type ServerProbe } from "../../../../src/net/server-probe/probe-server.ts";
import { requestTls } from "../../../../src/net/server-probe/requests.ts";
import { createServerCertificate } from "../../../../src/pg/embedded/certificate.ts";
import {
  alert,
  authentication,
  type FakeBehaviour,
  type FakeTls,
  failure,
  fakeTls,
  record,
  serverMessage,
  uint16,
} from "../../../support/audit/fake-tls.ts";

const AREAS = ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1", "SSLv3"] as const;
const SSL3 = 0x0300;
const TLS1 = 0x0301;
const TLS12 = 0x0303;
const RC4_MD5 = 0x0004;
const EXPORT_RC4 = 0x0003;
const TRIPLE_DES = 0x000a;
const DHE_RSA = 0x0033;
const ECDHE_RSA = 0xc02f;
const SCRAM = (socket: { write(bytes: Buffer): unknown }) => socket.write(authentication(10, "SCRAM-SHA-256\0\0"));

const FAST: Partial<ProbeLimits> = { connectionMs: 300, totalMs: 2_000 };

async function probed(
  behaviour: FakeBehaviour,
  limits: Partial<ProbeLimits> = FAST,
): Promise<{ answers: ServerProbe; server: FakeTls }> {
  await using server = await fakeTls({ startup: SCRAM, ...behaviour });
  return { answers: await probe({ ...target(server), limits }), server };
}

const target = ({ port }: { port: number }) => ({
  host: "127.0.0.1",
  address: "127.0.0.1",
  port,
  database: "shop",
  roles: ["app"],
  signal: new AbortController().signal,
});

const byVersion = ({ suites }: ServerProbe): string[] => suites.map(({ version, name }) => `${version} ${name}`).sort();

describe("a server with old versions and broken suites", () => {
  const certificate = Buffer.from(
    createServerCertificate({ now: new Date(), days: 30 }).certificate.replace(/-----[^-]+-----|\s/g, ""),
    "base64",
  );

  it("is found out, suite by suite, with its certificate", async () => {
    const { answers } = await probed({
      suites: { [SSL3]: [EXPORT_RC4, RC4_MD5], [TLS1]: [TRIPLE_DES], [TLS12]: [0xc02f, RC4_MD5, 0x0096] },
      certificate,
    });
    expect(answers.versions).toEqual(["SSLv3", "TLSv1", "TLSv1.2"]);
    expect(byVersion(answers)).toEqual([
      "SSLv3 TLS_RSA_EXPORT_WITH_RC4_40_MD5",
      "SSLv3 TLS_RSA_WITH_RC4_128_MD5",
      "TLSv1 TLS_RSA_WITH_3DES_EDE_CBC_SHA",
      "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
      "TLSv1.2 TLS_RSA_WITH_RC4_128_MD5",
      "TLSv1.2 TLS_RSA_WITH_SEED_CBC_SHA",
    ]);
    expect(answers.chain.map(({ subject }) => subject)).toEqual(["CN=localhost"]);
    for (const area of [...AREAS, "groups", "certificate"] as const) expect(answers.gaps[area], area).toBeUndefined();
  });

  it("shows groups and curves that are too small, and not those that are not", async () => {
    const prime = (bytes: number) =>
      Buffer.concat([uint16(bytes), Buffer.alloc(bytes, 0xff), uint16(1), Buffer.from([2])]);
    const curve = (code: number) => Buffer.concat([Buffer.from([3]), uint16(code), Buffer.from([1, 4])]);
    const suites = { [TLS12]: [ECDHE_RSA, DHE_RSA] };
    const weak = await probed({ suites, keyExchange: { [DHE_RSA]: prime(128), [ECDHE_RSA]: curve(21) } });
    expect(weak.answers.weakGroups).toEqual(["secp224r1", "dh-1024"]);
    const good = await probed({ suites, keyExchange: { [DHE_RSA]: prime(256), [ECDHE_RSA]: curve(23) } });
    expect(good.answers.weakGroups).toEqual([]);
  });

  it("that signs with SHA-1 only after it chose is asked for what needs no signature", async () => {
    // As OpenSSL 3: the hello comes, then the failure.
    const { answers } = await probed({
      suites: { [TLS1]: [0xc014, 0x0035] },
      afterHello: (socket, flight) => socket.end(flight.includes(uint16(0xc014)) ? alert(40) : flight),
    });
    expect(byVersion(answers)).toEqual(["TLSv1 TLS_RSA_WITH_AES_256_CBC_SHA"]);
  });
});

describe("a server that does not behave", () => {
  const cases: Record<string, FakeBehaviour> = {
    "hangs up at once": { onRequest: (socket) => socket.destroy() },
    "says nothing": { onRequest: () => undefined },
    "answers with a byte of its own": { answer: "?" },
    "answers with an error": { answer: failure("08P01") },
    "says yes and more": { answer: "Sx" },
  };
  it.each(Object.entries(cases))("%s: no answer, and the probe ends by itself", async (_name, behaviour) => {
    const { answers } = await probed(behaviour);
    expect(answers.offersTls).toBeUndefined();
    expect(answers).toMatchObject({ versions: [], suites: [], chain: [] });
    expect(Object.keys(answers.gaps)).toEqual(expect.arrayContaining(["tls", "groups", "certificate", ...AREAS]));
  });

  const flight = record(TLS12, [Buffer.alloc(4_000, 1)]);
  const inside: Record<string, FakeBehaviour> = {
    "hangs up on every hello": { afterHello: (socket) => socket.destroy() },
    "closes on every hello": { afterHello: (socket) => socket.end() },
    "says nothing to a hello": { afterHello: () => undefined },
    "sends garbage": { afterHello: (socket) => socket.write(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")) },
    "sends a record that is longer than records are": {
      afterHello: (socket) => socket.write(Buffer.from([22, 3, 3, 255, 255, 1])),
    },
    "sends messages that are none": { afterHello: (socket) => socket.write(flight) },
    "sends an alert that tells of trouble": { afterHello: (socket) => socket.write(alert(51)) },
    "breaks off inside its flight": {
      suites: { [SSL3]: [RC4_MD5], [TLS1]: [RC4_MD5], 770: [RC4_MD5], [TLS12]: [RC4_MD5] },
      afterHello: (socket, answer) => socket.end(answer.subarray(0, answer.length - 6)),
    },
    "chooses what was not offered": {
      suites: { [SSL3]: [], [TLS12]: [0x00fe] },
      afterHello: (socket) => socket.write(notOffered()),
    },
    dribbles: {
      afterHello: (socket) => {
        const timer = setInterval(() => socket.write(Buffer.from([22])), 20);
        socket.on("close", () => clearInterval(timer));
      },
    },
    "sends without end": {
      afterHello: (socket) =>
        socket.write(Buffer.concat(Array.from({ length: 40 }, () => record(TLS12, [Buffer.alloc(16_000, 22)])))),
    },
  };
  it.each(Object.entries(inside))(
    "%s: nothing passes for a refusal, and the probe ends by itself",
    async (name, behaviour) => {
      const { answers } = await probed(behaviour);
      expect(answers.offersTls).toBe(true);
      expect(answers.versions).toEqual([]);
      // A server that picks TLS 1.2 when 1.3 was offered has answered that question at least.
      const open = name.startsWith("chooses") ? AREAS.slice(1) : AREAS;
      for (const area of open) expect(answers.gaps[area], area).toEqual(expect.any(String));
      expect(answers.gaps.groups).toEqual(expect.any(String));
    },
  );

  it("hangs up on old versions only: that is a refusal, because it answers others", async () => {
    const { answers } = await probed({
      suites: { [TLS12]: [ECDHE_RSA] },
      afterHello: (socket, answer) => (answer[0] === 21 && answer[6] === 70 ? socket.destroy() : socket.write(answer)),
    });
    expect(answers.versions).toEqual(["TLSv1.2"]);
    for (const area of AREAS) expect(answers.gaps[area], area).toBeUndefined();
  });

  it("takes a warning for no refusal", async () => {
    const { answers } = await probed({
      suites: { [TLS12]: [ECDHE_RSA] },
      afterHello: (socket, answer) => socket.write(Buffer.concat([alert(112, 1), answer])),
    });
    expect(answers.versions).toEqual(["TLSv1.2"]);
  });

  it("is not there at all: no answer to anything", async () => {
    const { port } = await probed({}).then(({ server }) => server);
    const answers = await probe({ ...target({ port }), limits: FAST });
    expect(answers.gaps).toMatchObject({ tls: "could not connect: ECONNREFUSED", logins: expect.any(String) });
    expect(answers.logins.map(({ demand }) => demand)).toEqual(["no answer", "no answer"]);
  });
});

describe("the limits of a probe", () => {
  const everything = { [TLS12]: Array.from({ length: 0xc1 }, (_, code) => code + 1) };

  it("are a number in all, after which the rest is a gap", async () => {
    const { answers, server } = await probed({ suites: everything }, { ...FAST, connections: 12 });
    expect(server.connections).toBe(12);
    expect(answers.connections).toBe(12);
    expect(answers.gaps["TLSv1.2"]).toBe("the limit of 12 connections was reached");
    expect(answers.suites.length, "what was found still counts").toBeGreaterThan(0);
  });

  it("are three connections at once", async () => {
    await using server = await fakeTls({});
    const dialer = new Dialer({ ...target(server), serverName: undefined }, PROBE_LIMITS, new AbortController().signal);
    let open = 0;
    let most = 0;
    const ask = () =>
      dialer.ask(async (line) => {
        most = Math.max(most, ++open);
        await requestTls(line);
        open -= 1;
      });
    await Promise.all(Array.from({ length: 20 }, ask));
    dialer.end();
    expect(most).toBe(3);
  });

  it("hold a server that keeps every question waiting to one time for all", async () => {
    const { answers } = await probed({ afterHello: () => undefined }, { connectionMs: 400, totalMs: 700 });
    expect(Object.values(answers.gaps)).toContain("the probes took longer than 0.7 s");
  });

  it("are known by name", () => {
    expect(PROBE_LIMITS).toEqual({ parallel: 3, connections: 300, connectionMs: 3_000, totalMs: 30_000 });
  });

  it("leave nothing behind when the caller gives up", async () => {
    await using server = await fakeTls({ afterHello: () => undefined });
    const caller = new AbortController();
    const work = probe({ ...target(server), signal: caller.signal });
    setTimeout(() => caller.abort(new Error("given up")), 100);
    await expect(work).rejects.toThrow("given up");
  });
});

describe("the demand of a login", () => {
  const demandOf = async (startup: FakeBehaviour["startup"]) => {
    const { answers } = await probed({ answer: "N", startup: startup ?? SCRAM });
    return answers.logins[0];
  };
  const says = (bytes: Buffer) => demandOf((socket) => socket.write(bytes));

  it.each([
    ["nothing", authentication(0)],
    ["clear text", authentication(3)],
    ["md5", authentication(5, "salt")],
    ["gss", authentication(7)],
    ["sspi", authentication(9)],
    ["other", authentication(2)],
    ["other", authentication(10, "OAUTHBEARER\0\0")],
    ["refused", failure("28000")],
    ["no answer", failure("53300")],
    ["no answer", failure("57P03")],
    ["no answer", Buffer.from("HTTP/1.1 400")],
    ["no answer", serverMessage("R", Buffer.alloc(0))],
    ["no answer", Buffer.from([0x52, 0x7f, 0xff, 0xff, 0xff])],
  ] as const)("is %s", async (demand, bytes) => {
    expect(await says(bytes)).toMatchObject({ role: "app", isKnown: true, isEncrypted: false, demand });
  });

  it("is read past a notice and the offer of another protocol version", async () => {
    const bytes = Buffer.concat([
      serverMessage("v", Buffer.alloc(8)),
      serverMessage("N", Buffer.from("SNOTICE\0\0")),
      authentication(3),
    ]);
    expect(await says(bytes)).toMatchObject({ demand: "clear text" });
  });

  it("names the mechanisms of SASL, and nothing that is no name", async () => {
    const answer = await says(authentication(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\u001b[31m\0\0"));
    expect(answer).toMatchObject({ demand: "scram", mechanisms: ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"] });
  });

  it("is asked again without the setting that ends a session, when a pooler refuses that one", async () => {
    const packets: string[] = [];
    const answer = await demandOf((socket, packet) => {
      packets.push(packet.toString("latin1"));
      const isStrange = packet.includes("pgkeep_audit_ends_here");
      socket.write(isStrange ? failure("08P01") : authentication(5, "salt"));
    });
    expect(answer).toMatchObject({ demand: "md5" });
    expect(packets[0]).toContain("application_name\0pgkeep-audit\0");
    expect(packets.filter((packet) => packet.includes("user\0app\0"))).toHaveLength(2);
  });

  it("is never answered: the server gets the startup packet and not a byte more", async () => {
    const lengths: number[] = [];
    await demandOf((socket, packet) => {
      let length = packet.length;
      socket
        .on("data", (chunk: Buffer) => (length += chunk.length))
        .on("close", () => lengths.push(length - packet.readInt32BE(0)));
      socket.write(authentication(3));
    });
    await expect.poll(() => lengths.length).toBeGreaterThan(0);
    expect(lengths.every((surplus) => surplus === 0)).toBe(true);
  });

  it("is asked of a role that nobody has, under a new name each time", async () => {
    const names = await Promise.all([probed({ answer: "N" }), probed({ answer: "N" })]);
    const made = names.map(({ answers }) => answers.logins.find(({ isKnown }) => !isKnown)?.role ?? "");
    expect(made[0]).toMatch(/^pgkeep_probe_[0-9a-f]{12}$/);
    expect(made[0]).not.toBe(made[1]);
  });
});

/** A hello that chooses suite 0x00fe, which no client offers. */
function notOffered(): Buffer {
  const hello = Buffer.concat([uint16(TLS12), Buffer.alloc(33), uint16(0x00fe), Buffer.from([0])]);
  return record(TLS12, [Buffer.concat([Buffer.from([2, 0]), uint16(hello.length), hello]), Buffer.from([14, 0, 0, 0])]);
}
