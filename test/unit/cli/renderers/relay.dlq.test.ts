/** Dead letters as people read them: what is known of one, what its record says, and what comes next. */
import { describe, expect, it } from "vitest";
import type { View } from "../../../../src/cli/renderer.ts";
import renderer from "../../../../src/cli/renderers/relay.dlq.ts";

const view: View = {
  colour: false,
  ascii: true,
  width: 80,
  isTerminal: true,
  isFitted: true,
  verbose: false,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 0,
};

type Shown = Parameters<NonNullable<typeof renderer.result>>[0];
const LETTER: Shown["dead_letters"][number] = {
  id: 42,
  pipeline: "orders-webhook",
  direction: "forward",
  source: "orders",
  sink: "webhook",
  dedup_key: "outbox_orders:2:0",
  subject: "orders.event",
  outbox_id: "2",
  kind: "sink_permanent",
  error: "the endpoint answered 422\u001b[31m",
  attempts: 1,
  first_failed_at: "2026-11-21T10:09:00.530Z",
  last_failed_at: "2026-11-21T10:09:00.530Z",
  status: "waiting",
  settled_by: null,
  version: 1,
  payload_bytes: 37,
  payload: null,
  headers: null,
  history: [],
};

const shown = (action: string, changed: number, letter = LETTER, on = view): string =>
  renderer.result?.({ action, dead_letters: [letter], matched: 1, changed }, on) ?? "";

describe("a dead letter that is shown", () => {
  it("is a line for each thing that is known, also without a history", () => {
    expect(shown("show", 0).split("\n").slice(0, 2)).toEqual([
      "id               42",
      "pipeline         orders-webhook",
    ]);
    expect(shown("show", 0)).toContain("history          none\n");
    expect(shown("show", 0)).not.toContain("\u001b");
  });

  it("has its payload only when it was asked for", () => {
    expect(shown("show", 0)).not.toMatch(/^payload {2}/m);
    expect(shown("show", 0, { ...LETTER, payload: { total: -5 }, headers: {} })).toMatch(/^payload .*\{"total":-5\}$/m);
  });
});

describe("a dead letter that was edited", () => {
  it("is not delivered by that, and the next command is named", () => {
    expect(shown("edit", 1).split("\n").slice(-3)).toEqual([
      "1 edited, and not delivered yet",
      "next: pgkeep relay dlq retry 42",
      "",
    ]);
    const elsewhere = { ...view, place: " -d shop" };
    expect(shown("edit", 1, LETTER, elsewhere)).toContain("\nnext: pgkeep relay dlq retry 42 -d shop\n");
    expect(shown("edit", 0)).not.toContain("next:");
  });

  it("shows its number as the other actions take it", () => {
    expect(shown("retry", 1, { ...LETTER, id: 10_003 })).toMatch(/^10003 /m);
  });
});
