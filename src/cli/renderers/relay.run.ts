/** The relay's log for people, one line per entry, and what a run came to. */

import { ageText } from "../../base/duration.ts";
import type { ProgressEvent } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/relay.run.ts";
import { defineRenderer, type View } from "../renderer.ts";
import { textOf } from "./relay-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: () => "",
  progress: (event, view) => lineOf(event, view),
  summary: ({ delivered, stored, dead_letters: dead, pipelines }, { ascii }) => {
    const failed = pipelines.filter(({ state }) => state === "failed").length;
    const parts = [
      `${delivered.toLocaleString("en")} delivered`,
      ...(stored > 0 ? [`${stored.toLocaleString("en")} stored`] : []),
      `${dead.toLocaleString("en")} dead`,
      ...(failed > 0 ? [`${failed} of ${pipelines.length} pipelines failed`] : []),
    ];
    const mark = failed > 0 ? (ascii ? "FAILED" : "✗") : ascii ? "ok" : "✓";
    return `${mark} ${parts.join(", ")}`;
  },
});

/** What is only of interest when something is looked for appears with --verbose. */
function lineOf(event: ProgressEvent, { verbose }: View): string | undefined {
  const { level } = event;
  if (typeof level !== "string" || (level === "debug" && !verbose)) return undefined;
  const said = wordsOf(event, verbose);
  if (said === undefined) return undefined;
  const mark = level === "error" ? "error: " : level === "warn" ? "warning: " : "";
  const pipeline = typeof event.pipeline === "string" && event.pipeline !== "" ? `${event.pipeline} ` : "";
  return tameLine(`relay: ${mark}${pipeline}${said}`);
}

function wordsOf(event: ProgressEvent, verbose: boolean): string | undefined {
  const reason = textOf(event.error_summary);
  const code = textOf(event.error_code);
  const why = [code, reason].filter(Boolean).join(": ");
  switch (event.type) {
    case "relay.listening":
      return `${textOf(event.what)} on ${textOf(event.address)}`;
    case "relay.ownership":
      return `${textOf(event.ownership)} (epoch ${textOf(event.epoch)})`;
    case "relay.state":
      return stateWords(event, why);
    case "relay.batch_settled":
      return batchWords(event, why);
    case "relay.stored":
      return `stored ${textOf(event.stored)}, ${textOf(event.duplicates)} seen before, ${textOf(event.rejected)} rejected`;
    case "relay.dead_letters":
      return `${textOf(event.count)} dead (${textOf(event.kind)})`;
    case "relay.held":
      return `held back by pid ${textOf(event.held_by_pid) || "unknown"} since ${ageText(Number(event.held_ms))}`;
    case "relay.error":
      // What happened to a connector is also told by the state that follows.
      return event.component === "connector" && !verbose ? undefined : `${textOf(event.component)} ${why}`;
    case "relay.warning":
      return textOf(event.message);
    case "relay.checkpoint":
      return `recorded up to ${textOf(event.position)}`;
    case "relay.reconciled":
      return `owns ${textOf(event.owned)} of ${textOf(event.pipelines)} pipelines`;
    case "relay.stopping":
      return `stopping: ${textOf(event.reason)}`;
    case "relay.stopped":
      return Array.isArray(event.forced) && event.forced.length > 0
        ? `ended by force: ${event.forced.join(", ")}`
        : "stopped";
    case "relay.endpoint_failed":
      return "a request for metrics could not be answered";
    default:
      return undefined;
  }
}

function stateWords(event: ProgressEvent, why: string): string {
  const next = typeof event.sleep_ms === "number" ? `, next try in ${ageText(event.sleep_ms)}` : "";
  return `${textOf(event.state).replace("_", " ")}${why === "" ? "" : ` (${why})`}${next}`;
}

/** "98/98 → webhook 41 ms  attempt 1  batch 5f1c". */
function batchWords(event: ProgressEvent, why: string): string {
  const done = `${textOf(event.delivered)}/${textOf(event.batch_size)} → ${textOf(event.sink)}`;
  const rest = `${textOf(event.duration_ms)} ms  attempt ${textOf(event.attempt)}  batch ${textOf(event.batch)}`;
  return `${done} ${rest}${why === "" ? "" : `  ${why}`}`;
}
