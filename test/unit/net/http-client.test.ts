/** The outgoing client: which servers it reaches, what hostile answers cost, and which times it keeps. */
import type { LookupAddress } from "node:dns";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import tls from "node:tls";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { addressPolicy } from "../../../src/net/address-guard.ts";
import { AddressRefusal } from "../../../src/net/address-policy.ts";
import {
  type ClientTls,
  type HttpClient,
  type HttpClientOptions,
  HttpFailure,
  KEPT_BYTES,
  openHttpClient,
  retryAfterMs,
} from "../../../src/net/http-client.ts";
import { createAuthority, type Issued, issue } from "../../support/certificates.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

/** Permits loopback; names lead there too. */
const LOCAL = addressPolicy({
  rules: { allow: ["127.0.0.1"] },
  resolveName: async () => [{ address: "127.0.0.1", family: 4 }],
});

interface Counted {
  port: number;
  connections: number;
  requests: number;
}

async function listen(server: Server): Promise<Counted> {
  const sockets = new Set<Socket>();
  const counted: Counted = { port: 0, connections: 0, requests: 0 };
  server.on("connection", (socket: Socket) => {
    counted.connections++;
    sockets.add(socket.on("error", () => undefined));
  });
  server.on("request", () => counted.requests++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  });
  counted.port = (server.address() as AddressInfo).port;
  return counted;
}

const http = (answer: RequestListener) => listen(createServer(answer));
/** A server that sends these bytes whatever it is asked, and calls `more` while the connection lives. */
const raw = (text: string, more: (socket: Socket) => void = () => undefined) =>
  listen(
    createTcpServer((socket) => {
      socket.once("data", () => {
        socket.write(text, "latin1");
        more(socket);
      });
    }),
  );

async function client(port: number, changes: Partial<HttpClientOptions> = {}): Promise<HttpClient> {
  const url = new URL(`http://127.0.0.1:${port}/hook?x=1`);
  const made = await openHttpClient({ url, addresses: LOCAL, connections: 4, timeoutMs: 2_000, ...changes });
  open.push({ close: () => made.close(0) });
  return made;
}

const post = (made: HttpClient, signal?: AbortSignal) =>
  made.post({ headers: ["x-a", "b"], body: Buffer.from("hi"), signal });
const failure = async (call: Promise<unknown>): Promise<HttpFailure> => {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof HttpFailure)) throw new Error(`no HttpFailure: ${String(thrown)}`);
  return thrown;
};

describe("a request", () => {
  it("is what was given, and its answer is status, wait and text", async () => {
    const seen: unknown[] = [];
    const { port } = await http(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      seen.push([request.method, request.url, request.headers["x-a"], request.headers["content-length"], body]);
      response.writeHead(503, { "retry-after": "7" }).end("later");
    });
    expect(await post(await client(port))).toEqual({ status: 503, retryAfter: "7", text: "later" });
    expect(seen).toEqual([["POST", "/hook?x=1", "b", "2", "hi"]]);
  });

  it("uses its connections again, and no more of them than it may", async () => {
    const server = await http((request, response) =>
      request.resume().on("end", () => setTimeout(() => response.end(), 5)),
    );
    const made = await client(server.port, { connections: 3 });
    await Promise.all(Array.from({ length: 30 }, () => post(made)));
    expect(server).toMatchObject({ connections: 3, requests: 30 });
  });

  it("goes past the proxies of the environment", async () => {
    const proxy = await http((_request, response) => response.end());
    const server = await http((_request, response) => response.end());
    const names = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    for (const name of names) process.env[name] = `http://127.0.0.1:${proxy.port}`;
    try {
      expect((await post(await client(server.port))).status).toBe(200);
    } finally {
      for (const name of names) delete process.env[name];
    }
    expect([proxy.connections, server.connections]).toEqual([0, 1]);
  });

  it("informational answers are passed over", async () => {
    const { port } = await raw("HTTP/1.1 103 Early Hints\r\nretry-after: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    expect(await post(await client(port))).toEqual({ status: 204, retryAfter: undefined, text: "" });
  });

  it("ends when it is given up, on its way or waiting for a connection", async () => {
    const server = await listen(createTcpServer(() => undefined));
    const made = await client(server.port, { connections: 1 });
    const ending = new AbortController();
    const calls = [post(made, ending.signal), post(made, ending.signal)].map(failure);
    await expect.poll(() => server.connections).toBe(1);
    ending.abort();
    expect((await Promise.all(calls)).map(({ kind }) => kind)).toEqual(["aborted", "aborted"]);
    expect((await failure(post(made, ending.signal))).kind).toBe("aborted");
  });

  it("lets what is on its way end before it closes, and cuts it when the time is up", async () => {
    const slow = await http((_request, response) => setTimeout(() => response.end("done"), 100));
    const first = await client(slow.port);
    const answer = post(first);
    await first.close(5_000);
    expect((await answer).text).toBe("done");
    const silent = await client((await listen(createTcpServer(() => undefined))).port);
    const lost = failure(post(silent));
    await new Promise((resolve) => setTimeout(resolve, 30));
    await silent.close(20);
    expect((await lost).kind).toBe("broken");
  });
});

describe("[R-01] addresses", () => {
  it("a literal that is not permitted gets no connection, in any spelling", async () => {
    const server = await http((_request, response) => response.end());
    const none = addressPolicy({ rules: { allow: [] } });
    for (const host of ["127.0.0.1", "2130706433", "0x7f.1", "0177.1", "[::ffff:127.0.0.1]", "[::1]", "localhost"]) {
      const url = new URL(`http://${host}:${server.port}/`);
      const { cause } = await failure(post(await client(server.port, { url, addresses: none })));
      expect(cause, host).toBeInstanceOf(AddressRefusal);
    }
    expect(server.connections).toBe(0);
  });

  it("[R-02] a name that leads inside gets no connection, nor one that changes where it leads", async () => {
    const server = await http((_request, response) => {
      response.shouldKeepAlive = false;
      response.end();
    });
    const answers: LookupAddress[] = [
      { address: "127.0.0.1", family: 4 },
      { address: "127.0.0.2", family: 4 },
    ];
    let asked = 0;
    const addresses = addressPolicy({
      rules: { allow: ["127.0.0.1"] },
      resolveName: async () => answers.slice(asked, ++asked),
    });
    const made = await client(server.port, { url: new URL(`http://rebind.example:${server.port}/`), addresses });
    expect((await post(made)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await failure(post(made))).cause).toBeInstanceOf(AddressRefusal);
    expect(server.connections).toBe(1);
    expect(asked).toBe(2);
  });

  it("a port that may not be dialled is refused before anything is resolved", async () => {
    let asked = 0;
    const resolveName = async () => {
      asked++;
      return [{ address: "127.0.0.1", family: 4 }];
    };
    const addresses = addressPolicy({ rules: { allow: ["127.0.0.1"] }, resolveName });
    const url = new URL("http://example.com:22/");
    expect((await failure(post(await client(1, { url, addresses })))).cause).toBeInstanceOf(AddressRefusal);
    expect(asked).toBe(0);
  });

  it.each([301, 302, 303, 307, 308])("a redirect %i is an answer and not followed", async (status) => {
    const target = await http((_request, response) => response.end());
    const server = await http((_request, response) => {
      response.writeHead(status, { location: `http://127.0.0.1:${target.port}/` }).end();
    });
    expect((await post(await client(server.port))).status).toBe(status);
    expect(target.connections).toBe(0);
  });
});

describe("[R-07] hostile answers", () => {
  const head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";

  it("one without end is cut, kept to 4 KiB, and its status counts", async () => {
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024, "x");
    const { port } = await raw(`${head}\r\n`, (socket) => {
      const write = () => {
        while (!socket.destroyed && socket.write(chunk)) sent += chunk.length;
        if (!socket.destroyed) socket.once("drain", write);
      };
      write();
    });
    const before = process.memoryUsage().rss;
    const answers = await Promise.all(Array.from({ length: 20 }, async () => post(await client(port))));
    for (const { status, text } of answers) expect([status, text.length]).toEqual([200, KEPT_BYTES]);
    expect(sent).toBeLessThan(400 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it("an answer of the limit leaves the connection usable, a longer one does not", async () => {
    let size = 64 * 1024;
    const server = await http((_request, response) => response.end("y".repeat(size)));
    const made = await client(server.port, { connections: 1 });
    await post(made);
    await post(made);
    expect(server.connections).toBe(1);
    size++;
    await post(made);
    await post(made);
    expect(server.connections).toBe(2);
  });

  it("a bomb is not inflated", async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    const { port } = await http((_request, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
    );
    const { text } = await post(await client(port));
    expect(text.length).toBeLessThanOrEqual(KEPT_BYTES);
    expect(text.slice(0, 2), "the first bytes of gzip").toBe("\u001f\ufffd");
  });

  it.each([
    ["a drip of headers", "HTTP/1.1 200 OK\r\n", "x: y\r\n", undefined],
    ["a drip before them", "", "H", undefined],
    ["informational answers without end", "", "HTTP/1.1 102 Processing\r\n\r\n", undefined],
    ["a drip of the body", `${head}content-length: 100000\r\n\r\n`, "z", 200],
    ["a drip of chunks", `${head}transfer-encoding: chunked\r\n\r\n`, "1\r\nz\r\n", 200],
  ])("%s ends with the time for the request", async (_name, first, drip, status) => {
    const { port } = await raw(first, (socket) => {
      const timer = setInterval(() => socket.write(drip), 20);
      socket.on("close", () => clearInterval(timer));
    });
    const call = post(await client(port, { timeoutMs: 400 }));
    if (status === undefined) expect(["timeout", "broken"]).toContain((await failure(call)).kind);
    else expect((await call).status).toBe(status);
  });

  it("silence ends with the time for the request, and so does waiting for a connection", async () => {
    const server = await listen(createTcpServer(() => undefined));
    const made = await client(server.port, { timeoutMs: 200, connections: 1 });
    const patient = await client(server.port, { timeoutMs: 1_000 });
    const ended: string[] = [];
    const calls = Array.from({ length: 10 }, () => failure(post(made)).finally(() => ended.push("in line")));
    const kinds = await Promise.all([...calls, failure(post(patient)).finally(() => ended.push("patient"))]);
    expect(kinds.map(({ kind }) => kind)).toEqual(Array(11).fill("timeout"));
    // One after the other, ten would take twice as long as the patient one.
    expect(ended.at(-1)).toBe("patient");
  });

  it.each([
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["binary", "\x00\xff\xfe\x01\r\n\r\n"],
    ["headers of 17 KiB", `${head}x: ${"a".repeat(17 * 1024)}\r\n\r\n`],
    ["two lengths", `${head}content-length: 1\r\ncontent-length: 2\r\n\r\nab`],
    ["length and coding", `${head}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["a bare 100", "HTTP/1.1 100 Continue\r\n\r\n"],
  ])("%s is a broken connection, not an answer", async (_name, text) => {
    const { port } = await raw(text, (socket) => socket.end());
    expect((await failure(post(await client(port)))).kind).toBe("broken");
  });

  it("a connection that closes in the middle is broken before the status, and answered after it", async () => {
    const cut = await raw("HTTP/1.1 2", (socket) => socket.end());
    expect((await failure(post(await client(cut.port)))).kind).toBe("broken");
    const later = await raw(`${head}content-length: 100\r\n\r\nab`, (socket) => socket.destroySoon());
    expect(await post(await client(later.port))).toMatchObject({ status: 200, text: "ab" });
  });
});

describe("[R-19] certificates", () => {
  async function tlsStatus(certificate: Issued, tls: ClientTls, host = "hooks.example"): Promise<number | string> {
    const { port } = await listen(
      createTlsServer({ cert: certificate.certificate, key: certificate.key }, (_request, response) => response.end()),
    );
    const made = await client(port, { url: new URL(`https://${host}:${port}/`), tls });
    return post(made).then(
      ({ status }) => status,
      (error: HttpFailure) => String((error.cause as { code?: string }).code),
    );
  }

  it("must be by a known authority, for this name, and valid now", async () => {
    const authority = await createAuthority("endpoints");
    const other = await createAuthority("somebody else");
    const tls = { ca: authority.pem };
    const names = ["hooks.example", "127.0.0.1"];
    const good = await issue({ commonName: "hooks.example", names }, authority);
    expect(await tlsStatus(good, tls)).toBe(200);
    expect(await tlsStatus(good, tls, "127.0.0.1")).toBe(200);
    expect(await tlsStatus(await issue({ commonName: "hooks.example", names, days: -1 }, authority), tls)).toBe(
      "CERT_HAS_EXPIRED",
    );
    expect(await tlsStatus(await issue({ commonName: "hooks.example", names }), tls)).toBe(
      "DEPTH_ZERO_SELF_SIGNED_CERT",
    );
    expect(await tlsStatus(await issue({ commonName: "hooks.example", names }, other), tls)).toBe(
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    );
    const wrong = await issue({ commonName: "other.example", names: ["other.example"] }, authority);
    expect(await tlsStatus(wrong, tls)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(await tlsStatus(good, {})).toBe("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  });

  it("are verified whatever the environment says", async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      expect(await tlsStatus(await issue({ commonName: "hooks.example", names: ["hooks.example"] }), {})).toBe(
        "DEPTH_ZERO_SELF_SIGNED_CERT",
      );
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });

  it("TLS before 1.2 is not spoken, also where the process's own defaults would permit it", async () => {
    const { DEFAULT_CIPHERS: ciphers, DEFAULT_MIN_VERSION: minVersion } = tls;
    onTestFinished(() => void Object.assign(tls, { DEFAULT_CIPHERS: ciphers, DEFAULT_MIN_VERSION: minVersion }));
    Object.assign(tls, { DEFAULT_CIPHERS: "DEFAULT@SECLEVEL=0", DEFAULT_MIN_VERSION: "TLSv1" });
    const authority = await createAuthority("endpoints");
    const leaf = await issue({ commonName: "hooks.example", names: ["hooks.example"] }, authority);
    const old = {
      cert: leaf.certificate,
      key: leaf.key,
      minVersion: "TLSv1" as const,
      maxVersion: "TLSv1.1" as const,
      ciphers: "DEFAULT@SECLEVEL=0",
    };
    const server = await listen(createTlsServer(old, (_request, response) => response.end()));
    const url = new URL(`https://hooks.example:${server.port}/`);
    expect((await failure(post(await client(server.port, { url, tls: { ca: authority.pem } })))).kind).toBe("broken");
    expect(server.requests).toBe(0);
  });

  it("of ours are shown to endpoints that ask", async () => {
    const authority = await createAuthority("endpoints");
    const leaf = await issue({ commonName: "hooks.example", names: ["hooks.example"] }, authority);
    const ours = await issue({ commonName: "relay", usage: "client" }, authority);
    const settings = {
      cert: leaf.certificate,
      key: leaf.key,
      ca: authority.pem,
      requestCert: true,
      rejectUnauthorized: true,
    };
    const server = await listen(createTlsServer(settings, (_request, response) => response.end()));
    const url = new URL(`https://hooks.example:${server.port}/`);
    const shown = { ca: authority.pem, cert: ours.certificate, key: ours.key };
    expect((await post(await client(server.port, { url, tls: shown }))).status).toBe(200);
    expect((await failure(post(await client(server.port, { url, tls: { ca: authority.pem } })))).kind).toBe("broken");
    expect(server.requests).toBe(1);
    const half = { url, tls: { cert: "no certificate", key: ours.key } };
    await expect(client(server.port, half)).rejects.toThrow();
  });
});

describe("Retry-After", () => {
  const now = new Date("2026-11-21T10:00:00Z");
  it.each([
    ["0", 0],
    ["120", 120_000],
    [" 5 ", 5_000],
    ["86400", 86_400_000],
    ["86401", 86_400_000],
    ["999999999", 86_400_000],
    ["Sat, 21 Nov 2026 10:00:30 GMT", 30_000],
    ["Saturday, 21-Nov-26 10:00:30 GMT", 30_000],
    ["Sat Nov 21 10:00:30 2026", 30_000],
    ["Sat, 21 Nov 2026 09:00:00 GMT", 0],
    ["Sun, 21 Nov 2027 10:00:00 GMT", 86_400_000],
    ["-1", undefined],
    ["1.5", undefined],
    ["1e3", undefined],
    ["soon", undefined],
    ["2026-11-21", undefined],
    ["Sat, never", undefined],
    ["", undefined],
    ["9999999999", undefined],
    [undefined, undefined],
  ])("%j is %s ms", (text, expected) => {
    expect(retryAfterMs(text, now)).toBe(expected);
  });
});
