/** What a replay would repeat and has repeated, and what is wrong with pipelines, as people read it. */
import { describe, expect, it } from "vitest";
import type { View } from "../../../../src/cli/renderer.ts";
import config from "../../../../src/cli/renderers/relay.config.ts";
import replay from "../../../../src/cli/renderers/relay.replay.ts";

const view: View = {
  colour: false,
  ascii: true,
  width: 100,
  isTerminal: true,
  isFitted: true,
  verbose: false,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 0,
};

type Replayed = Parameters<NonNullable<typeof replay.result>>[0];
const EVENT = { id: "2", outbox: "orders", created_at: "2026-11-21", consumed: true, payload_bytes: 8 };
const replayed = (action: string, events: Replayed["events"]): Replayed => ({
  action,
  events,
  delivered: 2,
  dead_letters: 0,
});

describe("a replay", () => {
  it("shows which events it would repeat, and payloads only when they were asked for", () => {
    expect(replay.result?.(replayed("preview", [EVENT]), view)).toBe("id  created at  bytes\n2   2026-11-21  8\n");
    const asked = { ...EVENT, payload: { n: 2 }, headers: {} };
    expect(replay.result?.(replayed("preview", [asked]), view)).toContain('{"n":2}');
  });

  it("says that nothing is left of a range", () => {
    expect(replay.result?.(replayed("preview", []), view)).toContain("no event of that range is there");
  });

  it("says how many were delivered again", () => {
    expect(replay.result?.(replayed("execute", []), view)).toBe("");
    expect(replay.summary?.(replayed("execute", []), view)).toBe("ok 2 delivered again, 0 dead");
  });
});

describe("the configuration of pipelines", () => {
  const pipeline = { pipeline: "orders\u001b[31m", direction: "forward", enabled: true } as const;

  it("is one line for each that can work, and the problems of each that cannot", () => {
    const pipelines = [
      { ...pipeline, valid: true, problems: [], config: null },
      { ...pipeline, valid: false, problems: ['sink.url: "urll" is unknown'], config: null },
    ];
    const shown = config.result?.({ action: "validate", pipelines }, view) ?? "";
    expect(shown.split("\n").map((line) => line.slice(0, 13))).toEqual([
      "ok orders\\u{1",
      "FAILED orders",
      "    sink.url:",
      "",
    ]);
    expect(shown).not.toContain("\u001b");
  });

  it("is exported as JSON that a program can read", () => {
    const pipelines = [{ ...pipeline, valid: true, problems: [], config: { sink_type: "nats" } }];
    const shown = config.result?.({ action: "export", pipelines }, view) ?? "";
    expect(JSON.parse(shown)).toMatchObject([{ direction: "forward", config: { sink_type: "nats" } }]);
  });
});
