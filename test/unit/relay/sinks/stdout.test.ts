/** Standard output as a sink: the suite of every sink, and what is its own. */
import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConnectorFailure } from "../../../../src/relay/failures.ts";
import stdout from "../../../../src/relay/sinks/stdout.ts";
import { connectorContext, delivery } from "../../../conformance/relay/connector.ts";
import { describeSink } from "../../../conformance/relay/sinks.ts";
import { linesAsReceived } from "./lines.ts";

/** Each place of the suite is a stream of its own. */
const streams = new Map<string, Buffer[]>();
let place = "";

describeSink({
  isLocal: true,
  definition: {
    ...stdout,
    open: (config, context) => {
      const chunks = streams.get(place) ?? [];
      streams.set(place, chunks);
      const output = new PassThrough().on("data", (chunk: Buffer) => chunks.push(chunk));
      return stdout.open(config, { ...context, streams: { ...context.streams, output } });
    },
  },
  withoutHeaders: "a line holds the body alone",
  async start() {
    return {
      server: "a stream",
      config: (name) => {
        place = name;
        return {};
      },
      read: async (name) => linesAsReceived(Buffer.concat(streams.get(name) ?? []).toString("utf8")),
      stop: async () => {},
    };
  },
});

const open = (output: NodeJS.WritableStream, config: Record<string, unknown> = {}) =>
  stdout.open(stdout.config(z).parse(config), connectorContext({ streams: { input: new PassThrough(), output } }));
const never = new AbortController().signal;

describe("standard output", () => {
  it("writes one line per message whatever the body is", async () => {
    const output = new PassThrough();
    const sink = await open(output);
    const bodies = ['{"a":1}', 'two\nlines\r"x"', Buffer.from([0, 255, 10]), null];
    await sink.send(
      bodies.map((body, index) => delivery(index, { body })),
      never,
    );
    expect(String(output.read())).toBe('{"a":1}\n"two\\nlines\\r\\"x\\""\n"AP8K"\nnull\n');
  });

  it("indents for people when asked", async () => {
    const output = new PassThrough();
    const sink = await open(output, { format: "pretty" });
    await sink.send([delivery(1, { body: '{"a":[1]}' }), delivery(2, { body: "no json" })], never);
    expect(String(output.read())).toBe('{\n  "a": [\n    1\n  ]\n}\nno json\n');
  });

  it("is slowed down by a slow reader, and says nothing is delivered before it took the bytes", async () => {
    let take = () => {};
    const output = new Writable({ write: (_chunk, _encoding, done) => (take = done) });
    const sink = await open(output);
    let isSettled = false;
    const sending = sink.send([delivery(1)], never).then(() => {
      isSettled = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSettled).toBe(false);
    take();
    await sending;
    expect(isSettled).toBe(true);
  });

  it("fails as a whole when its reader goes away, and ends when it is told to", async () => {
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    const sink = await open(broken);
    await expect(sink.send([delivery(1)], never)).rejects.toBeInstanceOf(ConnectorFailure);
    await expect(sink.send([delivery(1)], never)).rejects.toMatchObject({ class: "unavailable" });
    const stop = new AbortController();
    const hanging = await open(new Writable({ write: () => {} }));
    const sending = hanging.send([delivery(1)], stop.signal);
    stop.abort();
    await expect(sending).rejects.toThrow();
  });
});
