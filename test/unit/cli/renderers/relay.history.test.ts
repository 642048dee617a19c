/** Who changed what in a pipeline, and what a sweep did, as people read it. */
import { describe, expect, it } from "vitest";
import history from "../../../../src/cli/renderers/relay.history.ts";
import maintenance from "../../../../src/cli/renderers/relay.maintenance.ts";
import { viewOf } from "../../../support/view.ts";

type Change = Parameters<NonNullable<typeof history.result>>[0]["changes"][number];
const CHANGE: Change = {
  id: 4,
  changed_at: "2026-11-21T10:39:46.927Z",
  changed_by: "dba",
  type: "outbox",
  kind: "changed",
  fields: ["config"],
  old_config: { enabled: true, config: { sink: { urll: "https://x.example", retries: {} } } },
  new_config: { enabled: true, config: { sink: { url: "https://x.example" } } },
};

const shown = (...changes: Change[]): string => history.result?.({ changes }, viewOf()) ?? "";

describe("the history of a pipeline", () => {
  it("shows of each change who, when, and only the values that differ", () => {
    expect(shown(CHANGE).split("\n")).toEqual([
      "2026-11-21T10:39:46Z  dba  changed",
      "  - config.sink.retries  {}",
      '  + config.sink.url  "https://x.example"',
      '  - config.sink.urll  "https://x.example"',
      "",
    ]);
  });

  it("shows all of a pipeline that was made or deleted", () => {
    const made = shown({ ...CHANGE, kind: "created", old_config: null });
    expect(made).toContain("+ enabled  true");
    expect(shown({ ...CHANGE, kind: "deleted", new_config: null })).toContain("- enabled  true");
  });

  it("makes hostile names and values harmless", () => {
    const hostile = shown({ ...CHANGE, changed_by: "a\u001b[2J", new_config: { "\u202e": "\u0007\n::error::" } });
    for (const harmful of ["\u001b", "\u202e", "\u0007", "\n::"]) expect(hostile.includes(harmful)).toBe(false);
  });

  it("says that there is none", () => {
    expect(shown()).toBe("no change is recorded\n");
  });
});

describe("a sweep", () => {
  const outbox = { outbox: "orders", affected_rows: 2, completed_batches: 1, blockers: [] };
  const told = (dry_run: boolean) =>
    maintenance.summary?.({ outboxes: [outbox, outbox], total_deleted: dry_run ? 0 : 4, dry_run }, viewOf());

  it("says how many events it removed or would remove", () => {
    expect(told(false)).toBe("✓ 4 events removed from 2 outboxes");
    expect(told(true)).toBe("✓ 4 events would be removed from 2 outboxes");
  });

  it("names what holds events that are old enough", () => {
    const blockers = [{ name: "orders-kafka", enabled: false, safe_offset: 0 }, { type: "active_lease" }];
    const result = { outboxes: [{ ...outbox, blockers }], total_deleted: 0, dry_run: false };
    expect(maintenance.result?.(result, viewOf())).toBe('orders is held by orders-kafka, {"type":"active_lease"}\n');
  });
});
