/** Standard input as a source: one event per line, none lost while the process lives. */
import { PassThrough } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import stdin from "../../../../src/relay/sources/stdin.ts";
import { connectorContext } from "../../../conformance/relay/connector.ts";
import { TestInbox } from "../../../conformance/relay/sources.ts";
import { expectEventually } from "../../../conformance/relay/subject.ts";
import { tellsServer } from "../../../conformance/relay/tested.ts";

async function start(input: PassThrough, config: Record<string, unknown> = {}, inbox = new TestInbox()) {
  const abort = new AbortController();
  const warnings: string[] = [];
  const context = connectorContext({
    signal: abort.signal,
    streams: { input, output: new PassThrough() },
    warn: (message) => warnings.push(message),
  });
  const source = await stdin.open(stdin.config(z).parse(config), context);
  const running = source.run(inbox.deliver);
  return {
    inbox,
    warnings,
    stop: async () => {
      abort.abort();
      await running;
      await source.close();
    },
  };
}

describe("standard input", () => {
  beforeEach(tellsServer("source stdin", () => "a stream"));

  it("is one event per line, whatever the chunks, blank lines left out, the last line without its end", async () => {
    const input = new PassThrough();
    const { inbox, stop } = await start(input, { subject: "import" });
    for (const chunk of ['{"a"', ":1}\n\n", '{"b":2}\r\n {"c":3}', "\n", '{"d":"ü']) input.write(chunk);
    await expectEventually(() => inbox.bodies.length >= 3, "three lines are whole");
    input.end('"}');
    await expectEventually(() => inbox.bodies.length >= 4, "the end ends the last line");
    expect(inbox.bodies).toEqual(['{"a":1}', '{"b":2}\r', ' {"c":3}', '{"d":"ü"}']);
    expect(inbox.stored[0]).toMatchObject({ subject: "import", eventId: undefined, headers: {} });
    await stop();
  });

  it("takes the event's id from where the configuration says", async () => {
    const input = new PassThrough();
    const { inbox, stop } = await start(input, { event_id_path: "meta.id" });
    input.write('{"meta": {"id": 12345678901234567890}}\n{"no": 1}\n');
    await expectEventually(() => inbox.stored.length === 2, "both lines");
    expect(inbox.stored.map(({ eventId }) => eventId)).toEqual(["12345678901234567890", undefined]);
    await stop();
  });

  it("offers a batch again until it is stored", async () => {
    const input = new PassThrough();
    const inbox = new TestInbox();
    inbox.refusal = new Error("the database is away");
    const { stop } = await start(input, {}, inbox);
    input.write("1\n2\n");
    await expectEventually(() => inbox.batches.length >= 1, "a first try");
    inbox.refusal = undefined;
    await expectEventually(() => inbox.bodies.length >= 2, "a second try");
    expect(inbox.bodies).toEqual(["1", "2"]);
    await stop();
  });

  it("leaves what was not stored to the next pipeline that reads it", async () => {
    const input = new PassThrough();
    const inbox = new TestInbox();
    inbox.refusal = new Error("the database is away");
    const first = await start(input, {}, inbox);
    input.write("1\n2\n3");
    await expectEventually(() => inbox.batches.length >= 1, "a first try");
    await first.stop();
    const second = await start(input);
    input.write("4\n5\n");
    await expectEventually(() => second.inbox.bodies.length >= 4, "all of them");
    expect(second.inbox.bodies).toEqual(["1", "2", "34", "5"]);
    await second.stop();
  });

  it("leaves out a line over 1 MiB with a warning, and takes one of 1 MiB", async () => {
    const input = new PassThrough();
    const { inbox, warnings, stop } = await start(input);
    input.write(`"${"x".repeat(2 ** 20 - 2)}"\n`);
    input.write(`"${"y".repeat(2 ** 20 - 1)}"\n`);
    input.write(`"${"z".repeat(3 * 2 ** 20)}`);
    input.write('"\n"after"\n');
    await expectEventually(() => inbox.bodies.includes('"after"'), "what follows");
    expect(inbox.bodies.map(({ length }) => length)).toEqual([2 ** 20, 7]);
    expect(warnings).toHaveLength(2);
    await stop();
  });
});
