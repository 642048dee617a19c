/** The small HTTP server: what it answers, and what floods, slow clients and malformed requests cannot do to it. */
import { request as httpsRequest } from "node:https";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type HttpServer, type HttpServerOptions, type Route, startHttpServer } from "../../../src/net/http-server.ts";
import { createAuthority, issue } from "../../support/certificates.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

const echo: Route = ({ method, path }) => {
  if (path !== "/in") return { status: 404 };
  if (method !== "POST") return { status: 405, headers: { allow: "POST" } };
  return { maxBodyBytes: 1_000, handle: (body) => ({ status: 200, body: `got ${body.length}` }) };
};

async function start(options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, route: echo, ...options });
  open.push({ close: () => server.close(50) });
  return server;
}

function dial(server: HttpServer): Socket {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => undefined);
  open.push({ close: () => socket.destroy() });
  return socket;
}

/** What the server sends until it closes the connection. */
function answerTo(server: HttpServer, text: string): Promise<string> {
  const socket = dial(server);
  socket.write(text, "latin1");
  return untilClosed(socket);
}

function untilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(answer));
  });
}

function deferred(): { promise: Promise<void>; resolve(): void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0);
const url = (server: HttpServer, path = "/in") => `http://127.0.0.1:${server.port}${path}`;
const post = (server: HttpServer, body: string | Buffer = "x") => fetch(url(server), { method: "POST", body });

describe("a listener", () => {
  it("says where it listens and answers what its route says", async () => {
    const server = await start();
    expect(server.address).toBe(`127.0.0.1:${server.port}`);
    const answer = await post(server, "hello");
    expect([answer.status, await answer.text()]).toEqual([200, "got 5"]);
  });

  it("answers by the head alone: path, then method, with the methods there are", async () => {
    const server = await start();
    expect((await fetch(url(server, "/other"))).status).toBe(404);
    const wrong = await fetch(url(server));
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("gives HEAD the headers and no body", async () => {
    const server = await start({ route: () => ({ status: 200, body: "alive" }) });
    const answer = await fetch(url(server), { method: "HEAD" });
    expect([answer.headers.get("content-length"), await answer.text()]).toEqual(["5", ""]);
  });

  it("tells a client nothing of what went wrong inside", async () => {
    const seen: unknown[] = [];
    const failing: Route = () => {
      throw new Error("password hunter2");
    };
    const server = await start({ route: failing, onError: (error) => seen.push(error) });
    const answer = await fetch(url(server));
    expect([answer.status, await answer.text()]).toEqual([500, "Internal Server Error\n"]);
    expect(seen).toHaveLength(1);
  });

  it("names the address and why when it cannot listen", async () => {
    const { port } = await start();
    await expect(startHttpServer({ host: "127.0.0.1", port, route: echo })).rejects.toMatchObject({
      code: "RELAY_LISTEN_FAILED",
      message: `could not listen on 127.0.0.1:${port}`,
      parts: { detail: "Something else listens there." },
    });
  });

  it("lets a request end before it closes, and cuts it when the time is up", async () => {
    const waiting = deferred();
    const asked = deferred();
    const slow: Route = () => ({
      maxBodyBytes: 10,
      handle: async (_body, signal) => {
        asked.resolve();
        await Promise.race([waiting.promise, new Promise((resolve) => signal.addEventListener("abort", resolve))]);
        return { status: 200, body: signal.aborted ? "cut" : "done" };
      },
    });
    const server = await start({ route: slow });
    const answer = post(server);
    await asked.promise;
    const closed = server.close(5_000);
    waiting.resolve();
    expect(await (await answer).text()).toBe("done");
    await closed;
    const other = await start({
      route: () => ({ maxBodyBytes: 10, handle: () => new Promise<never>(() => undefined) }),
    });
    const lost = post(other).catch(() => "lost");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await other.close(50);
    expect(await lost).toBe("lost");
  });

  it("speaks TLS, and with an authority for clients only to those it signed", async () => {
    const authority = await createAuthority("server authority");
    const leaf = await issue({ commonName: "localhost", names: ["127.0.0.1"] }, authority);
    const client = await issue({ commonName: "client", usage: "client" }, authority);
    const tls = { certificate: leaf.certificate, key: leaf.key, clientAuthority: authority.pem };
    const server = await start({ tls });
    const status = (options: object) =>
      new Promise((resolve) => {
        const call = httpsRequest(url(server).replace("http", "https"), {
          method: "POST",
          ca: authority.pem,
          ...options,
        });
        call.on("response", (response) => resolve(response.statusCode)).on("error", () => resolve("refused"));
        call.end("x");
      });
    expect(await status({ cert: client.certificate, key: client.key, agent: false })).toBe(200);
    expect(await status({ agent: false })).toBe("refused");
    await expect(
      startHttpServer({ host: "127.0.0.1", port: 0, route: echo, tls: { certificate: "x", key: "y" } }),
    ).rejects.toMatchObject({ code: "RELAY_LISTEN_FAILED" });
  });
});

describe("[R-10] limits", () => {
  it("a body of the limit is taken, one byte more is 413, with and without a length", async () => {
    const server = await start();
    expect((await post(server, "x".repeat(1_000))).status).toBe(200);
    const head = "POST /in HTTP/1.1\r\nHost: x\r\n";
    expect(statusOf(await answerTo(server, `${head}Content-Length: 1001\r\n\r\n`))).toBe(413);
    const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${(1_001).toString(16)}\r\n${"x".repeat(1_001)}\r\n`;
    expect(statusOf(await answerTo(server, chunked))).toBe(413);
  });

  it("a client that asks before it sends is refused without having sent", async () => {
    const server = await start();
    const head = "POST /in HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n";
    expect(statusOf(await answerTo(server, `${head}Content-Length: 1001\r\n\r\n`))).toBe(413);
    const socket = dial(server);
    const answer = untilClosed(socket);
    socket.write(`${head}Connection: close\r\nContent-Length: 2\r\n\r\n`);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.write("ok");
    expect(await answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  });

  it("headers of 16 KiB are too many, and a hundred of them", async () => {
    const server = await start();
    const head = "POST /in HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n";
    expect(statusOf(await answerTo(server, `${head}X: ${"a".repeat(15_000)}\r\n\r\nx`))).toBe(200);
    expect(statusOf(await answerTo(server, `${head}X: ${"a".repeat(16_384)}\r\n\r\nx`))).toBe(431);
    expect(statusOf(await answerTo(server, `${head}${"X: a\r\n".repeat(97)}\r\nx`))).toBe(200);
    expect(statusOf(await answerTo(server, `${head}${"X: a\r\n".repeat(98)}\r\nx`))).toBe(431);
  });

  it("a client that never finishes its headers or body is cut off, and so is one that says nothing", async () => {
    const server = await start({ limits: { headersMs: 300, requestMs: 600 } });
    const dripping = dial(server);
    const drip = setInterval(() => dripping.write("X: y\r\n"), 50);
    dripping.write("POST /in HTTP/1.1\r\nHost: x\r\n");
    const slowBody = dial(server);
    slowBody.write("POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab");
    const silent = dial(server);
    const answers = await Promise.all([dripping, slowBody, silent].map(untilClosed));
    clearInterval(drip);
    expect(answers.map(statusOf)).toEqual([408, 408, 408]);
  });

  /** As many requests as there may be, each with a body that is far from whole. */
  async function dribbling(slowBodyMs: number) {
    const server = await start({ limits: { connections: 8, requests: 8, slowBodyMs } });
    const slow = Array.from({ length: 8 }, () => dial(server));
    for (const socket of slow) socket.write("POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na");
    await new Promise((resolve) => setTimeout(resolve, 300));
    return { server, slow };
  }

  it("bodies that dribble in give way to one that comes at once", async () => {
    const { server, slow } = await dribbling(10);
    for (let count = 0; count < 5; count++) expect((await post(server)).status).toBe(200);
    expect(slow.filter(({ destroyed }) => destroyed).length).toBeLessThan(8);
  });

  it("bodies that are young give way to nobody: a newcomer has to wait its turn", async () => {
    const { server, slow } = await dribbling(600_000);
    await expect(post(server)).rejects.toThrow();
    expect(slow.filter(({ destroyed }) => destroyed)).toEqual([]);
  });

  it("connections that say nothing give way to one that speaks", async () => {
    const server = await start({ limits: { connections: 8 } });
    const idle = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const socket = dial(server);
        await new Promise((resolve) => socket.once("connect", resolve));
        return socket;
      }),
    );
    expect((await post(server)).status).toBe(200);
    await expect.poll(() => idle.filter((socket) => !socket.destroyed).length).toBeLessThanOrEqual(8);
  });

  it("connections with a request are kept; one more is refused", async () => {
    let asked = 0;
    const done = deferred();
    const route: Route = async () => {
      asked++;
      await done.promise;
      return { status: 200 };
    };
    const server = await start({ route, limits: { connections: 3 } });
    const busy = Array.from({ length: 3 }, () => fetch(url(server)));
    await expect.poll(() => asked).toBe(3);
    expect(await answerTo(server, "GET /in HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("");
    done.resolve();
    expect((await Promise.all(busy)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it("requests beyond those at once are 429, even on one connection", async () => {
    const done = deferred();
    const route: Route = async () => {
      await done.promise;
      return { status: 200 };
    };
    const server = await start({ route, limits: { requests: 2 } });
    const socket = dial(server);
    const answer = untilClosed(socket);
    const one = "GET /in HTTP/1.1\r\nHost: x\r\n\r\n";
    socket.write(one.repeat(2) + one.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    await expect.poll(() => fetch(url(server)).then(({ status }) => status)).toBe(429);
    done.resolve();
    expect([...(await answer).matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual(["200", "200", "429"]);
  });

  it("bodies beyond what may be held for all of them are 429", async () => {
    const done = deferred();
    const route: Route = () => ({
      maxBodyBytes: 1_000,
      handle: async () => {
        await done.promise;
        return { status: 200 };
      },
    });
    const server = await start({ route, limits: { bufferedBytes: 900 } });
    const first = post(server, "x".repeat(950));
    await expect.poll(() => post(server, "").then(({ status }) => status)).toBe(429);
    done.resolve();
    expect((await first).status).toBe(200);
    expect((await post(server, "")).status).toBe(200);
  });

  it("an address that asks too often is 429 until time has passed", async () => {
    let ms = 0;
    const clock = { now: () => new Date(0), monotonicMs: () => ms };
    const server = await start({ requestsPerSecond: 2, clock });
    const ask = async () => (await post(server)).status;
    expect([await ask(), await ask(), await ask(), await ask(), await ask()]).toEqual([200, 200, 200, 200, 429]);
    ms = 500;
    expect([await ask(), await ask()]).toEqual([200, 429]);
  });
});

describe("[R-10] malformed requests", () => {
  const head = "POST /in HTTP/1.1\r\nHost: x\r\n";
  it.each([
    ["both length and coding", `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["both coding and length", `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
    ["two lengths", `${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`],
    ["the same length twice", `${head}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`],
    ["a list of lengths", `${head}Content-Length: 4, 4\r\n\r\nabcd`],
    ["a negative length", `${head}Content-Length: -1\r\n\r\n`],
    ["a length with a sign", `${head}Content-Length: +4\r\n\r\nabcd`],
    ["a length in hexadecimal", `${head}Content-Length: 0x4\r\n\r\nabcd`],
    ["an enormous length", `${head}Content-Length: 99999999999999999999999\r\n\r\n`],
    ["an unknown coding", `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ["a coding that is not last", `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
    ["a coding twice", `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["a disguised coding", `${head}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
    ["a space before the colon", `${head}Content-Length : 4\r\n\r\nabcd`],
    ["a folded header", `${head}X: a\r\n b\r\nContent-Length: 1\r\n\r\nx`],
    ["a bare line feed in the chunk size", `${head}Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n`],
    ["a chunk size that is none", `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n`],
    ["a chunk longer than it says", `${head}Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n`],
    ["a NUL in a header", `${head}X: a\0b\r\nContent-Length: 1\r\n\r\nx`],
    ["a carriage return in a header", `${head}X: a\rb\r\nContent-Length: 1\r\n\r\nx`],
    ["no host", "POST /in HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"],
    ["two hosts", `${head}Host: y\r\nContent-Length: 1\r\n\r\nx`],
    ["an absolute target", "POST http://other/in HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"],
    ["a version that is none", "POST /in HTTP/9.9\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"],
    ["a method that is none", "P@ST /in HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["a coding in HTTP/1.0", "POST /in HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["binary", "\x00\xff\xfe\r\n\r\n"],
  ])("%s is refused, nothing is handed on, and the server lives", async (_name, text) => {
    let handled = 0;
    const route: Route = () => {
      return { maxBodyBytes: 1_000, handle: () => ({ status: 200, body: String(handled++) }) };
    };
    const server = await start({ route });
    const socket = dial(server);
    socket.end(text, "latin1");
    expect(statusOf(await untilClosed(socket))).toBe(400);
    expect(handled).toBe(0);
    expect((await post(server)).status).toBe(200);
  });

  it("an encoded body is refused rather than inflated", async () => {
    const server = await start();
    const answer = await fetch(url(server), { method: "POST", body: "x", headers: { "content-encoding": "gzip" } });
    expect(answer.status).toBe(415);
  });
});
