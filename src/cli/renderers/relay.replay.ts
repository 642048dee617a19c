/** Events that a replay would repeat, as a table; and what one came to. */
import type operation from "../../operations/relay.replay.ts";
import { genericText, tableLines } from "../generic-text.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;
type Event = Output["events"][number];

export default defineRenderer<Output>({
  result: ({ action, events }, view) => {
    if (action !== "preview") return "";
    if (events.length === 0)
      return "no event of that range is there; delivered ones go when their retention has passed\n";
    if (events.some(({ payload }) => payload !== undefined)) return genericText(events.map(rowOf), view);
    return `${tableLines(events.map(rowOf), view).join("\n")}\n`;
  },
  summary: ({ action, delivered, dead_letters: dead }, { ascii }) => {
    if (action === "preview") return undefined;
    const what = `${delivered.toLocaleString("en")} delivered again, ${dead.toLocaleString("en")} dead`;
    return `${ascii ? "ok" : "✓"} ${what}`;
  },
});

function rowOf({ id, created_at: at, payload_bytes: bytes, payload, headers }: Event): Record<string, unknown> {
  const content = payload === undefined ? {} : { payload: JSON.stringify(payload), headers: JSON.stringify(headers) };
  return { id, "created at": at, bytes, ...content };
}
