/** Dead letters as a table, one in full, or CSV. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/relay.dlq.ts";
import { genericText, tableLines } from "../generic-text.ts";
import { defineRenderer, type View } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;
type Letter = Output["dead_letters"][number];

export default defineRenderer<Output>({
  result: (output, view) => {
    const { action, dead_letters: letters, matched, changed } = output;
    if (letters.length === 0) return "no dead letters\n";
    if (action === "show") return letters.map((letter) => shown(letter, view)).join("\n");
    const lines = tableLines(letters.map(rowOf), view);
    const more = matched - letters.length;
    const notes = [
      ...(more > 0 && changed === 0 ? [`… ${more.toLocaleString("en")} more (--limit)`] : []),
      ...(changed > 0 ? [`${changed.toLocaleString("en")} ${DONE[action] ?? "changed"}`] : []),
      ...(action === "edit" && changed > 0
        ? [`next: pgkeep relay dlq retry ${letters[0]?.id}${view.place ?? ""}`]
        : []),
    ];
    return `${[...lines, ...notes].join("\n")}\n`;
  },
  formats: { csv: (output) => csvOf(output?.dead_letters ?? []) },
});

const DONE: Readonly<Record<string, string>> = {
  retry: "queued: the relay delivers them again",
  discard: "discarded",
  edit: "edited, and not delivered yet",
};

/** One letter in full, a line for each thing that is known of it. */
function shown({ payload, headers, history, ...known }: Letter, view: View): string {
  const isGiven = payload !== undefined && payload !== null;
  const given = !isGiven ? {} : { payload: JSON.stringify(payload), headers: JSON.stringify(headers) };
  return genericText({ ...known, ...given, history: history ?? [] }, view);
}

function rowOf(letter: Letter): Record<string, unknown> {
  return {
    // As the other actions take it: a number of thousands would get a comma.
    id: String(letter.id),
    pipeline: letter.pipeline,
    kind: letter.kind,
    attempts: letter.attempts,
    "last failed": `${letter.last_failed_at.slice(0, 19)}Z`,
    status: letter.status,
    error: letter.error,
  };
}

const COLUMNS = [
  "id",
  "pipeline",
  "direction",
  "sink",
  "kind",
  "attempts",
  "first_failed_at",
  "last_failed_at",
  "status",
  "dedup_key",
  "error",
] as const;

function csvOf(letters: readonly Letter[]): string {
  const lines = [COLUMNS.join(","), ...letters.map((letter) => COLUMNS.map((name) => cell(letter[name])).join(","))];
  return `${lines.join("\r\n")}\r\n`;
}

/** A cell that a spreadsheet would run as a formula begins with an apostrophe. */
function cell(value: unknown): string {
  const text = tameLine(String(value ?? ""));
  const safe = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
