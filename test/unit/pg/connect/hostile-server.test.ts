/** What servers may do to us before we know who they are, and what they get: nothing. */
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { explainFailure } from "../../../../src/pg/connect/failures.ts";
import { type ConnectionSettings, ServerError } from "../../../../src/pg/session.ts";
import {
  ASK_CLEARTEXT,
  AUTH_OK,
  answerQueries,
  askMd5,
  askScram,
  auth,
  type FakeServer,
  fakeServer,
  message,
  serverError,
  type Talk,
  WELCOME,
} from "../../../support/fake-server.ts";
import { connect, PASSWORD, refusal, settingsFor } from "./settings.ts";

let server: FakeServer | undefined;
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

/** A server that runs `talk`, and the failure of connecting to it. */
async function refusedBy(talk: Talk, changes: Partial<ConnectionSettings> = {}) {
  server = await fakeServer(talk);
  const error = await refusal(settingsFor(server.port, changes));
  const sent = Buffer.concat(server.received).toString("latin1");
  expect(inspect(error, { depth: 9 })).not.toContain(PASSWORD);
  return { error, sent };
}

/** Answers the request for TLS with "no", then whatever the startup packet comes to gets `reply`. */
const withoutTls =
  (reply: Buffer): Talk =>
  async ({ socket, next }) => {
    const first = await next();
    if (first.length === 8) {
      socket.write("N");
      await next();
    }
    socket.write(reply);
    await next();
    socket.end(WELCOME);
  };

describe("[T-01] a server without TLS that asks for the password in clear", () => {
  it.each(["disable", "allow", "prefer"] as const)("does not get it with sslmode %s", async (sslMode) => {
    const { error, sent } = await refusedBy(withoutTls(ASK_CLEARTEXT), { sslMode });
    expect(error).toMatchObject({ code: "CONNECT_CLEARTEXT_REFUSED", exit: 11 });
    expect(error.message).toBe('cannot send the password of "app" to 127.0.0.1 in clear text');
    expect(error.parts.state).toBe("not connected");
    expect(sent).not.toContain(PASSWORD);
  });

  it("gets it when require_auth names password, and only once", async () => {
    server = await fakeServer(async ({ socket, next }) => {
      await next();
      socket.write(ASK_CLEARTEXT);
      await next();
      socket.write(ASK_CLEARTEXT);
      await next();
    });
    const error = await refusal(settingsFor(server.port, { requireAuth: ["password"] }));
    expect(error.code).toBe("CONNECT_PROTOCOL");
    expect(Buffer.concat(server.received).toString("latin1").split(PASSWORD).length - 1).toBe(1);
  });

  it("does not get it when require_auth is a list of exclusions", async () => {
    const { error } = await refusedBy(withoutTls(ASK_CLEARTEXT), { requireAuth: ["!md5"] });
    expect(error.code).toBe("CONNECT_CLEARTEXT_REFUSED");
  });
});

describe("[T-02] a server that refuses TLS", () => {
  it.each(["require", "verify-ca", "verify-full"] as const)(
    "is left with sslmode %s, before a word is said",
    async (sslMode) => {
      const { error, sent } = await refusedBy(withoutTls(AUTH_OK), { sslMode, tlsFiles: { rootPem: "" } });
      expect(error).toMatchObject({ code: "CONNECT_TLS_FAILED", exit: 11 });
      expect(error.message).toMatch(/^the server on 127\.0\.0\.1:\d+ does not offer TLS$/);
      expect(sent.length).toBe(8);
    },
  );

  it("is used without TLS with sslmode prefer", async () => {
    server = await fakeServer(async ({ socket, next }) => {
      await next();
      socket.write("N");
      await next();
      socket.write(WELCOME);
      await answerQueries(socket, next);
    });
    const session = await connect(settingsFor(server.port, { sslMode: "prefer" }));
    expect(session.target.tls).toBeUndefined();
    await session.close();
  });

  it("cannot put an error text before us by answering the request for TLS with an error", async () => {
    const { error } = await refusedBy(
      async ({ socket, next }) => {
        await next();
        socket.end(serverError("28000", "call this number"));
      },
      { sslMode: "require" },
    );
    expect(error.code).toBe("CONNECT_TLS_FAILED");
    expect(inspect(error, { depth: 9 })).not.toContain("call this number");
  });

  it.each([
    ["yes", "S"],
    ["no", "N"],
  ])("cannot slip bytes in behind its %s", async (_, answer) => {
    for (const sslMode of ["prefer", "require"] as const) {
      const talk: Talk = async ({ socket, next }) => {
        await next();
        socket.write(Buffer.concat([Buffer.from(answer), serverError("00000", "injected")]));
        await next();
      };
      const { error } = await refusedBy(talk, { sslMode });
      expect(error.code).toBe("CONNECT_TLS_FAILED");
      expect(server?.received).toHaveLength(1);
      await server?.[Symbol.asyncDispose]();
    }
  });

  it("gets no second chance either when it refuses us after it has seen credentials", async () => {
    const talk: Talk = async ({ socket, next }) => {
      await next();
      socket.write("N");
      await next();
      socket.write(askMd5());
      await next();
      socket.end(serverError("28000", "try again, in clear this time"));
    };
    const { error } = await refusedBy(talk, { sslMode: "prefer" });
    expect(error.code).toBe("CONNECT_REJECTED");
    expect(server?.received).toHaveLength(1);
  });

  it("gets no second chance to see credentials: a rejected password is not sent again without TLS", async () => {
    const talk: Talk = async ({ socket, next }) => {
      await next();
      socket.write("N");
      await next();
      socket.write(askMd5());
      await next();
      socket.end(serverError("28P01", "wrong"));
    };
    const { error } = await refusedBy(talk, { sslMode: "prefer" });
    expect(error.code).toBe("CONNECT_PASSWORD_REJECTED");
    expect(server?.received).toHaveLength(1);
  });
});

describe("[T-03] a server that wants less than it should", () => {
  const reply =
    (bytes: Buffer): Talk =>
    async ({ socket, next }) => {
      await next();
      socket.write(bytes);
      await answerQueries(socket, next);
    };

  it("asking for nothing is refused by require_auth", async () => {
    const { error } = await refusedBy(reply(WELCOME), { requireAuth: ["scram-sha-256"] });
    expect(error).toMatchObject({ code: "CONNECT_AUTH_REFUSED" });
  });

  it("asking for md5 is refused by require_auth, named or excluded", async () => {
    for (const requireAuth of [["scram-sha-256"], ["!md5"], ["!md5", "!password"]]) {
      const { error, sent } = await refusedBy(reply(askMd5()), { requireAuth });
      expect(error.code).toBe("CONNECT_AUTH_REFUSED");
      expect(sent).not.toContain("md5");
      await server?.[Symbol.asyncDispose]();
    }
  });

  it("asking for nothing is accepted by default, with a warning when a password was configured", async () => {
    server = await fakeServer(reply(WELCOME));
    const warnings: string[] = [];
    const session = await connect(settingsFor(server.port), { warn: (text) => warnings.push(text) });
    expect(session.target.authentication).toBe("none");
    expect(warnings).toEqual([expect.stringContaining("--require-auth")]);
    await session.close();
  });

  it("asking for nothing gives no warning when there is no password", async () => {
    server = await fakeServer(reply(WELCOME));
    const warnings: string[] = [];
    const session = await connect(settingsFor(server.port, { password: undefined }), {
      warn: (text) => warnings.push(text),
    });
    expect(warnings).toEqual([]);
    await session.close();
  });

  it.each([
    ["nothing", WELCOME],
    ["md5", askMd5()],
    ["clear text", ASK_CLEARTEXT],
    ["SCRAM without binding", askScram("SCRAM-SHA-256")],
  ])("asking for %s is refused when channel binding is required", async (_, bytes) => {
    const { error, sent } = await refusedBy(reply(bytes), { channelBinding: "require", requireAuth: undefined });
    expect(error.code).toBe("CONNECT_AUTH_REFUSED");
    expect(sent).not.toContain("SCRAM");
  });

  it("offering channel binding without TLS is refused", async () => {
    const { error } = await refusedBy(reply(askScram("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")));
    expect(error.code).toBe("CONNECT_PROTOCOL");
  });

  it("asking for GSSAPI or an unknown mechanism is refused with a remedy", async () => {
    const { error } = await refusedBy(reply(auth(7)));
    expect(error).toMatchObject({ code: "CONNECT_AUTH_REFUSED", message: expect.stringContaining("GSSAPI") });
    await server?.[Symbol.asyncDispose]();
    expect((await refusedBy(reply(askScram("OAUTHBEARER")))).error.code).toBe("CONNECT_AUTH_REFUSED");
  });
});

describe("[T-05] a SCRAM impostor", () => {
  /** Offers SCRAM and answers the client's nonce with the given attributes. */
  const scram =
    (first: (nonce: string) => string, then: Buffer = auth(12, "v=AAAA")): Talk =>
    async ({ socket, next }) => {
      await next();
      socket.write(askScram("SCRAM-SHA-256"));
      const nonce = /r=(.+)$/s.exec((await next()).toString("latin1"))?.[1] ?? "";
      socket.write(auth(11, first(nonce)));
      await next();
      socket.write(Buffer.concat([then, WELCOME]));
    };
  const salt = "s=c2FsdHNhbHRzYWx0";

  it.each([1, 4_095, 100_001, 2_000_000_000])(
    "asking for %i iterations is refused before any work",
    async (iterations) => {
      const { error, sent } = await refusedBy(scram((nonce) => `r=${nonce}xyz,${salt},i=${iterations}`));
      expect(error).toMatchObject({
        code: "CONNECT_AUTH_REFUSED",
        parts: { detail: expect.stringContaining("4096 to 100000") },
      });
      expect(sent).not.toContain(",p=");
    },
  );

  it.each([4_096, 100_000])("asking for %i iterations gets a proof, and has to give one", async (iterations) => {
    const { error, sent } = await refusedBy(scram((nonce) => `r=${nonce}xyz,${salt},i=${iterations}`));
    expect(sent).toContain(",p=");
    expect(error).toMatchObject({
      code: "CONNECT_AUTH_REFUSED",
      parts: { detail: expect.stringContaining("impostor") },
    });
  });

  it("that skips its own proof is refused", async () => {
    const { error } = await refusedBy(scram((nonce) => `r=${nonce}xyz,${salt},i=4096`, Buffer.alloc(0)));
    expect(error.code).toBe("CONNECT_PROTOCOL");
  });

  it("that says welcome in the middle of the exchange is refused", async () => {
    const { error } = await refusedBy(async ({ socket, next }) => {
      await next();
      socket.write(askScram("SCRAM-SHA-256"));
      await next();
      socket.write(WELCOME);
    });
    expect(error.code).toBe("CONNECT_PROTOCOL");
  });

  it.each([
    ["another nonce", () => `r=somebodyelse,${salt},i=4096`],
    ["our nonce alone", (nonce: string) => `r=${nonce},${salt},i=4096`],
    ["no salt", (nonce: string) => `r=${nonce}x,i=4096`],
    ["a broken salt", (nonce: string) => `r=${nonce}x,s=???,i=4096`],
    ["iterations that are no number", (nonce: string) => `r=${nonce}x,${salt},i=many`],
  ])("with %s is refused", async (_, first) => {
    expect((await refusedBy(scram(first))).error.code).toBe("CONNECT_AUTH_REFUSED");
  });
});

describe("[T-06] a server that holds us up or floods us", () => {
  const quick = { connectTimeoutMs: 300 };
  const stages: [string, Talk][] = [
    ["says nothing", async ({ next }) => void (await next())],
    [
      "says nothing after its no to TLS",
      async ({ socket, next }) => {
        await next();
        socket.write("N");
      },
    ],
    [
      "asks for a password and says nothing more",
      async ({ socket, next }) => {
        await next();
        socket.write("N");
        await next();
        socket.write(askMd5());
      },
    ],
    [
      "says welcome and is never ready",
      async ({ socket, next }) => {
        await next();
        socket.write("N");
        await next();
        socket.write(AUTH_OK);
      },
    ],
    [
      "starts TLS and does not go on",
      async ({ socket, next }) => {
        await next();
        socket.write("S");
      },
    ],
  ];
  it.each(stages)("that %s is left after the connect timeout", async (_, talk) => {
    server = await fakeServer(talk);
    const retries: number[] = [];
    const abort = new AbortController();
    const outcome = refusal(settingsFor(server.port, { ...quick, sslMode: "prefer" }), {
      signal: abort.signal,
      onRetry: ({ attempt, error }) => {
        expect(error.code).toBe("CONNECT_TIMEOUT");
        retries.push(attempt);
        abort.abort(new Error("seen enough"));
      },
    });
    expect((await outcome).message).toBe("seen enough");
    expect(retries).toEqual([1]);
  });

  it("that drips one byte at a time is left as well", async () => {
    server = await fakeServer(async ({ socket, next }) => {
      await next();
      for (const byte of serverError("57P03", "x".repeat(500))) {
        socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    const abort = new AbortController();
    const error = await refusal(settingsFor(server.port, quick), {
      signal: abort.signal,
      onRetry: ({ error }) => abort.abort(error),
    });
    expect(error.code).toBe("CONNECT_TIMEOUT");
  });

  const header = (type: string, length: number): Buffer => {
    const buffer = Buffer.alloc(5);
    buffer.write(type);
    buffer.writeInt32BE(length, 1);
    return buffer;
  };
  const hold =
    (bytes: Buffer): Talk =>
    async ({ socket, next }) => {
      await next();
      socket.write(bytes);
      await next();
    };

  it.each([
    ["a length of 30,001 bytes", header("E", 30_001)],
    ["a length of 2 GiB", header("R", 2 ** 31 - 1)],
    ["a negative length", header("R", -5)],
    ["a length of 3", header("R", 3)],
    ["HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["a password request cut short", message("R", Buffer.from([0, 0]))],
    ["an md5 request without salt", auth(5, "ab")],
    ["an unknown authentication code", auth(99)],
    ["a row", message("D", "\0\0")],
    ["readiness before authentication", message("Z", "I")],
  ])("with %s is refused", async (_, bytes) => {
    expect((await refusedBy(hold(bytes))).error.code).toBe("CONNECT_PROTOCOL");
  });

  it("with a message of exactly 30,000 bytes is heard", async () => {
    const text = "x".repeat(30_000 - 4 - "SFATAL\0VFATAL\0C28000\0M\0\0".length);
    const bytes = serverError("28000", text);
    expect(bytes.readInt32BE(1)).toBe(30_000);
    expect((await refusedBy(hold(bytes))).error.code).toBe("CONNECT_REJECTED");
  });

  it("with an error that lacks its end is refused in no time", async () => {
    expect((await refusedBy(hold(message("E", "SFATAL\0C28000")))).error.code).toBe("CONNECT_REJECTED");
  });

  const report = (name: string): Buffer => message("S", `${name}\0${"x".repeat(20_000)}\0`);
  const flood = async ({ socket }: Parameters<Talk>[0], make: (count: number) => Buffer): Promise<void> => {
    for (let count = 0; count < 100_000 && !socket.destroyed; count++) {
      if (!socket.write(make(count))) await new Promise((resolve) => setImmediate(resolve));
    }
  };

  it("with settings without end while it accepts us is refused", async () => {
    const talk: Talk = async (io) => {
      await io.next();
      io.socket.write(AUTH_OK);
      await flood(io, (count) => report(`p${count}`));
    };
    expect((await refusedBy(talk)).error.code).toBe("CONNECT_PROTOCOL");
  });

  it.each<[string, (count: number) => Buffer]>([
    ["settings without end", (count) => report(`p${count}`)],
    ["one setting of a megabyte", () => message("S", `a\0${"x".repeat(1_000_000)}\0`)],
    ["requests for data without end", () => message("G", "\0\0\0")],
  ])("that answers a statement with %s is left, and little was kept", async (_, make) => {
    server = await fakeServer(async (io) => {
      await io.next();
      io.socket.write(WELCOME);
      await io.next();
      await flood(io, make);
    });
    const session = await connect(settingsFor(server.port, quick));
    await expect(session.script("SELECT 1")).rejects.toMatchObject({
      code: "CONNECT_LOST",
      cause: { code: "CONNECT_PROTOCOL" },
    });
    expect(Buffer.concat(server.received).length).toBeLessThan(10_000);
    await session.close();
  });

  it("with notices without end before it accepts us is left after the timeout, and none is passed on", async () => {
    server = await fakeServer(async ({ socket, next }) => {
      await next();
      const notice = message("N", "SNOTICE\0C00000\0Mhello\0\0");
      while (!socket.destroyed) {
        socket.write(Buffer.concat(Array(100).fill(notice)));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    const abort = new AbortController();
    const notices: unknown[] = [];
    const error = await refusal(settingsFor(server.port, quick), {
      signal: abort.signal,
      onNotice: (notice) => notices.push(notice),
      onRetry: ({ error }) => abort.abort(error),
    });
    expect(error.code).toBe("CONNECT_TIMEOUT");
    expect(notices).toEqual([]);
  });
});

describe("errors of the server", () => {
  let replies: Buffer[] = [];
  beforeEach(() => {
    replies = [];
  });
  const say: Talk = async ({ socket, next, connection }) => {
    await next();
    const reply = replies[connection] ?? replies.at(-1) ?? Buffer.alloc(0);
    socket.write(reply);
    if (reply === WELCOME) await answerQueries(socket, next);
    else socket.end();
  };

  it.each([
    ["28P01", "CONNECT_PASSWORD_REJECTED", "PGPASSWORD"],
    ["28000", "CONNECT_REJECTED", "pg_hba.conf"],
    ["3D000", "CONNECT_DATABASE_MISSING", "shop"],
    ["42501", "CONNECT_PERMISSION", 'GRANT CONNECT ON DATABASE "shop" TO "app"'],
    ["22023", "CONNECT_SERVER_REFUSED", "SQLSTATE"],
  ])("[CL-04] [CL-05] %s is %s with its remedy, at once", async (sqlstate, code, hint) => {
    replies = [serverError(sqlstate, `text of ${PASSWORD}`)];
    const { error } = await refusedBy(say);
    expect(error).toMatchObject({ code, exit: 11, parts: { sqlstate, state: "not connected" } });
    expect(error.parts.hint).toContain(hint);
    expect(server?.received).toHaveLength(1);
  });

  it("57P03 is tried again three times, a tenth, two tenths and four tenths of a second apart", async () => {
    replies = [serverError("57P03", "later")];
    server = await fakeServer(say);
    const delays: number[] = [];
    const error = await refusal(settingsFor(server.port), { onRetry: ({ delayMs }) => delays.push(delayMs) });
    expect(error.code).toBe("CONNECT_STARTING_UP");
    expect(error.parts.detail).toMatch(/^Tried 4 times in \d\.\d s\. The server says: later$/);
    expect(server.received).toHaveLength(4);
    expect(delays).toHaveLength(3);
    for (const [index, base] of [100, 200, 400].entries()) {
      expect(Math.abs((delays[index] ?? 0) - base)).toBeLessThanOrEqual(base / 10);
    }
  });

  const isTransient = (sqlstate: string) =>
    explainFailure(new ServerError({ message: "", severity: "FATAL", sqlstate }), {
      settings: settingsFor(1),
      address: { host: "h", port: 1 },
    }).isTransient;

  it.each(["08006", "53300", "57P01", "57P03", "40001", "40P01", "55P03"])("%s passes by itself", (sqlstate) => {
    expect(isTransient(sqlstate)).toBe(true);
  });

  it.each(["57014", "57P04", "28P01", "28000", "3D000", "42501", "22023", ""])("%s does not", (sqlstate) => {
    expect(isTransient(sqlstate)).toBe(false);
  });

  it("a later attempt that succeeds is a success", async () => {
    replies = [serverError("57P03", "starting up"), serverError("57P03", "starting up"), WELCOME];
    server = await fakeServer(say);
    const session = await connect(settingsFor(server.port));
    expect(server.received).toHaveLength(3);
    await session.close();
  });

  it("a wait for the next attempt ends with the signal", async () => {
    replies = [serverError("57P03", "starting up")];
    server = await fakeServer(say);
    const abort = new AbortController();
    const error = await refusal(settingsFor(server.port), {
      signal: abort.signal,
      onRetry: () => abort.abort(new Error("interrupted")),
    });
    expect(error.message).toBe("interrupted");
  });

  it("cannot forge output: neither state nor text reaches a message as it came", async () => {
    replies = [message("E", "S\x1b[2JFATAL\0C::err\0M::error::forged\x1b]52;c;x\x07\0\0")];
    const { error } = await refusedBy(say);
    expect(error).toMatchObject({ code: "CONNECT_SERVER_REFUSED", parts: { sqlstate: "" } });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is about exactly these.
    expect([error.message, ...Object.values(error.parts)].join(" ")).not.toMatch(/[\x00-\x1f]/);
  });

  it("gives commands to paste that a shell takes as one word, whatever the name", async () => {
    replies = [serverError("3D000", "no")];
    const { error } = await refusedBy(say, { database: "x; rm -rf '/'" });
    expect(error.parts.hint).toBe(
      String.raw`Check the name. A deploy creates a missing database, and so does: createdb 'x; rm -rf '\''/'\'''`,
    );
  });

  it("an IPv6 address stands in the hint as it can be pasted", async () => {
    const error = await refusal(settingsFor(1, { hosts: [{ host: "::1", port: 1 }] }));
    expect(error.parts.hint).toContain("pg_isready -h ::1 -p 1");
  });

  it("a port where nobody listens is CONNECT_REFUSED with pg_isready", async () => {
    server = await fakeServer(say);
    const { port } = server;
    await server[Symbol.asyncDispose]();
    server = undefined;
    const error = await refusal(settingsFor(port));
    expect(error).toMatchObject({
      code: "CONNECT_REFUSED",
      parts: { hint: expect.stringContaining(`pg_isready -h 127.0.0.1 -p ${port}`) },
    });
  });

  it("a name that does not exist is CONNECT_HOST_UNKNOWN", async () => {
    const error = await refusal(settingsFor(5432, { hosts: [{ host: "no-such-host.invalid", port: 5432 }] }));
    expect(error.code).toBe("CONNECT_HOST_UNKNOWN");
  });

  it("a server that hangs up is tried again and then CONNECT_UNREACHABLE", async () => {
    server = await fakeServer(async ({ socket, next }) => {
      await next();
      socket.destroy();
    });
    expect((await refusal(settingsFor(server.port))).code).toBe("CONNECT_UNREACHABLE");
    expect(server.received).toHaveLength(4);
  });

  it("a host that refuses is passed over for the next one", async () => {
    replies = [WELCOME];
    server = await fakeServer(say);
    const session = await connect(
      settingsFor(server.port, {
        hosts: [
          { host: "127.0.0.1", port: 1 },
          { host: "127.0.0.1", port: server.port },
        ],
      }),
    );
    expect(session.target.port).toBe(server.port);
    await session.close();
  });

  it("a wrong password is not shown to the next host", async () => {
    replies = [serverError("28P01", "wrong")];
    server = await fakeServer(say);
    const place = { host: "127.0.0.1", port: server.port };
    await refusal(settingsFor(server.port, { hosts: [place, place] }));
    expect(server.received).toHaveLength(1);
  });

  it("a server that asks for a password when there is none is CONNECT_PASSWORD_MISSING", async () => {
    replies = [askMd5()];
    expect((await refusedBy(say, { password: undefined })).error.code).toBe("CONNECT_PASSWORD_MISSING");
  });
});

describe("[T-09] the startup packet", () => {
  it("ends with our own encoding and name, whatever the connection's settings say", async () => {
    server = await fakeServer(async ({ socket, next }) => {
      await next();
      socket.end(serverError("28000", "enough"));
    });
    const serverSettings = {
      client_encoding: "latin1",
      application_name: "other",
      options: "-c client_encoding=latin1",
    };
    await refusal(settingsFor(server.port, { serverSettings }));
    const words = server.received[0]?.subarray(8).toString("utf8").split("\0") ?? [];
    const pairs = Object.fromEntries(
      words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1]]] : [])),
    );
    expect(pairs).toMatchObject({ client_encoding: "UTF8", application_name: "test", user: "app", database: "shop" });
    expect(words.filter((word) => word === "client_encoding")).toHaveLength(1);
  });
});

describe("target_session_attrs", () => {
  /** A server that announces what it is, as servers from version 14 do. */
  const announcing =
    (hotStandby: string, readOnly: string): Talk =>
    async ({ socket, next }) => {
      await next();
      const settings = `in_hot_standby\0${hotStandby}\0`;
      const other = `default_transaction_read_only\0${readOnly}\0`;
      socket.write(Buffer.concat([AUTH_OK, message("S", settings), message("S", other), message("Z", "I")]));
      await answerQueries(socket, next);
    };

  it("[BX-10] finds the server of the wanted kind among several", async () => {
    await using primary = await fakeServer(announcing("off", "off"));
    await using standby = await fakeServer(announcing("on", "off"));
    await using reader = await fakeServer(announcing("off", "on"));
    const ports = { primary: primary.port, standby: standby.port, reader: reader.port };
    const portFor = async (
      targetSessionAttrs: ConnectionSettings["targetSessionAttrs"],
      order: (keyof typeof ports)[],
    ) => {
      const hosts = order.map((name) => ({ host: "127.0.0.1", port: ports[name] }));
      const session = await connect(settingsFor(1, { hosts, targetSessionAttrs, password: undefined }));
      await session.close();
      return session.target.port;
    };
    expect(await portFor("primary", ["standby", "primary"])).toBe(ports.primary);
    expect(await portFor("standby", ["primary", "reader", "standby"])).toBe(ports.standby);
    expect(await portFor("read-write", ["standby", "reader", "primary"])).toBe(ports.primary);
    expect(await portFor("read-only", ["primary", "standby"])).toBe(ports.standby);
    expect(await portFor("prefer-standby", ["primary", "standby"])).toBe(ports.standby);
    expect(await portFor("prefer-standby", ["primary", "reader"])).toBe(ports.primary);
    expect(await portFor("any", ["reader", "primary"])).toBe(ports.reader);
  });

  it("[BX-10] load_balance_hosts tries the hosts in another order each time", async () => {
    await using one = await fakeServer(announcing("off", "off"));
    await using two = await fakeServer(announcing("off", "off"));
    const hosts = [one, two].map(({ port }) => ({ host: "127.0.0.1", port }));
    const seen = new Set<number>();
    // Twenty draws that all fall on one side happen once in half a million runs.
    for (let i = 0; i < 20 && seen.size < 2; i++) {
      const session = await connect(settingsFor(1, { hosts, loadBalanceHosts: true, password: undefined }));
      seen.add(session.target.port);
      await session.close();
    }
    expect(seen.size).toBe(2);
  });
});

describe("what an accepted server says while it starts the session", () => {
  it("is passed on as notices", async () => {
    server = await fakeServer(async ({ socket, next }) => {
      await next();
      const warning = message("N", "SWARNING\0VWARNING\0C01000\0Mcollation version mismatch\0\0");
      socket.write(Buffer.concat([AUTH_OK, warning, message("Z", "I")]));
      await answerQueries(socket, next);
    });
    const notices: string[] = [];
    const session = await connect(settingsFor(server.port), { onNotice: (notice) => notices.push(notice.message) });
    expect(notices).toEqual(["collation version mismatch"]);
    await session.close();
  });

  it("that is a failure to set our own search path ends the connection, and nothing runs on it", async () => {
    server = await fakeServer(async ({ socket, next }) => {
      await next();
      socket.write(WELCOME);
      await next();
      socket.write(
        Buffer.concat([serverError("42501", "no"), message("Z", "I"), message("C", "SET\0"), message("Z", "I")]),
      );
    });
    const session = await connect(settingsFor(server.port));
    await expect(session.query("select 1")).rejects.toMatchObject({ sqlstate: "42501" });
    await expect(session.query("select 2")).rejects.toMatchObject({ sqlstate: "42501" });
  });
});
