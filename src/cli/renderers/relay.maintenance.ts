/** What a sweep removed, and what keeps the rest. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/relay.maintenance.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ outboxes }) =>
    outboxes
      .filter(({ blockers }) => blockers.length > 0)
      .map(({ outbox, blockers }) => `${tameLine(outbox)} is held by ${tameLine(blockers.map(nameOf).join(", "))}\n`)
      .join(""),
  summary: ({ outboxes, total_deleted: removed, dry_run: isDry, dead_letters: letters = 0 }, { ascii }) => {
    const counted = isDry ? outboxes.reduce((sum, { affected_rows: rows }) => sum + rows, 0) : removed;
    const many = outboxes.length === 1 ? "1 outbox" : `${outboxes.length.toLocaleString("en")} outboxes`;
    const what = isDry ? "would be removed from" : "removed from";
    const settled = letters === 0 ? "" : `, and ${letters.toLocaleString("en")} settled dead letters`;
    return `${ascii ? "ok" : "✓"} ${counted.toLocaleString("en")} events ${what} ${many}${settled}`;
  },
});

/** A blocker is a reader, by name, or something else that JSON can say. */
function nameOf(blocker: unknown): string {
  const hasName = typeof blocker === "object" && blocker !== null && "name" in blocker;
  return hasName ? String(blocker.name) : JSON.stringify(blocker);
}
