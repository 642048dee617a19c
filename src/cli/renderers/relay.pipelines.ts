/** Pipelines as a table; one with its configuration; what a test or a switch came to. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/relay.pipelines.ts";
import { genericText, tableLines } from "../generic-text.ts";
import { jsonText } from "../output.ts";
import { defineRenderer, type View } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (output, view) => {
    const { action, pipelines, config } = output;
    if (pipelines.length === 0) return "there is no pipeline yet; tide.relay_set_outbox makes one\n";
    if (action === "show") return `${genericText({ ...pipelines[0] }, view)}config  ${jsonText(config, 2)}\n`;
    if (action === "list")
      return `${[...tableLines(pipelines.map(rowOf), view), ...problemLines(output)].join("\n")}\n`;
    return `${outcome(output, view)}\n`;
  },
});

const rowOf = (pipeline: Output["pipelines"][number]): Record<string, unknown> => ({
  pipeline: pipeline.pipeline,
  direction: pipeline.direction,
  enabled: pipeline.enabled ? "yes" : "no",
  from: pipeline.from ?? "?",
  to: pipeline.to ?? "?",
  valid: pipeline.valid ? "yes" : "NO",
});

function problemLines({ pipelines }: Output): string[] {
  return pipelines.flatMap(({ pipeline, problems }) => problems.map((line) => `  ${tameLine(`${pipeline}: ${line}`)}`));
}

function outcome({ action, pipelines, test, changed }: Output, { ascii }: View): string {
  const name = `pipeline "${tameLine(pipelines[0]?.pipeline ?? "")}"`;
  if (!test) return changed ? `${name} is ${action}d` : `${name} would be ${action}d; nothing was changed`;
  const good = ascii ? "ok" : "✓";
  const bad = ascii ? "FAILED" : "✗";
  return test.ok
    ? `${good} ${name}: reached, let in and left again in ${test.ms} ms; nothing was sent`
    : `${bad} ${name}: ${tameLine(test.code ?? "")}: ${tameLine(test.reason ?? "")}`;
}
