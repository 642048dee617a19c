/** One line per pipeline: state, what waits, how fast, what is dead, what went wrong. */
import { styleText } from "node:util";
import { ageText } from "../../base/duration.ts";
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/relay.status.ts";
import { tableLines } from "../generic-text.ts";
import { defineRenderer, type View } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;
type Pipeline = Output["pipelines"][number];

export default defineRenderer<Output>({
  result: ({ pipelines, reason }, view) => {
    if (pipelines.length === 0) return "there is no pipeline yet; tide.relay_set_outbox makes one\n";
    const hasGroups = new Set(pipelines.map(({ relay_group: group }) => group)).size > 1;
    const lines = tableLines(
      pipelines.map((pipeline) => rowOf(pipeline, hasGroups)),
      view,
    );
    const isWaiting = pipelines.some(({ state }) => state === "unowned");
    const notes = [
      ...pipelines.flatMap(heldText),
      ...(reason === null ? [] : [`? ${reason}`]),
      ...(isWaiting ? [`next: pgkeep relay run${view.place ?? ""}     no relay has taken over what is unowned`] : []),
    ];
    return `${[...lines.map((line) => coloured(line, view)), ...notes].join("\n")}\n`;
  },
});

/** Each group delivers everything: with several, a pipeline has a line for each. */
function rowOf(pipeline: Pipeline, hasGroups: boolean): Record<string, string> {
  const { oldest_age_ms: oldest, delivered_per_second: rate, p95_ms: p95 } = pipeline;
  return {
    pipeline: tameLine(pipeline.pipeline),
    ...(hasGroups ? { group: tameLine(pipeline.relay_group ?? "-") } : {}),
    state: pipeline.state,
    lag: pipeline.lag === null ? "-" : pipeline.lag.toLocaleString("en"),
    oldest: oldest === null ? "-" : ageText(oldest),
    "out/s": rate === null ? "-" : rate.toLocaleString("en"),
    p95: p95 === null ? "-" : `${p95.toLocaleString("en")} ms`,
    dead: pipeline.dead_letters.toLocaleString("en"),
    "last error": errorText(pipeline),
  };
}

/** A moment is normal: every publisher holds for as long as its transaction takes. */
const HELD_MS = 1_000;

function heldText({ pipeline, held_by: held }: Pipeline): string[] {
  if (held === null || (held.since_ms ?? 0) < HELD_MS) return [];
  const who = held.prepared === null ? `process ${held.pid ?? "unknown"}` : `prepared transaction ${held.prepared}`;
  const since = ageText(held.since_ms ?? 0);
  return [`${tameLine(pipeline)}: later events wait for ${tameLine(who)}, whose transaction is open since ${since}`];
}

function errorText({ state, last_error: error, next_retry_ms: next, last_update_age_ms: age }: Pipeline): string {
  if (state === "unknown") return `no heartbeat for ${age === null ? "a long time" : ageText(age)}`;
  if (!error || state === "healthy") return "";
  const code = tameLine(error.code).replace(/^PGTIDE_/, "");
  // Nobody tries again where nobody runs the pipeline.
  const isAtRest = state === "unowned" || state === "disabled";
  return next === null || isAtRest ? code : `${code}, next try in ${ageText(next)}`;
}

const COLOURS = { retrying: "yellow", failed: "red", unknown: "magenta" } as const;

/** Only the state's word is coloured, and only where it stands as a word of its own. */
function coloured(line: string, { colour }: View): string {
  if (!colour) return line;
  return Object.entries(COLOURS).reduce(
    (text, [word, name]) =>
      text.replace(new RegExp(`(?<=\\s)${word}(?=\\s)`), styleText(name, word, { validateStream: false })),
    line,
  );
}
