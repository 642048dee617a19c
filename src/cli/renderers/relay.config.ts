/** Whether pipelines can work, and what is wrong with those that cannot; or their configurations. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/relay.config.ts";
import { jsonText } from "../output.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ action, pipelines }, { ascii }) => {
    if (pipelines.length === 0) return "there is no pipeline yet; tide.relay_set_outbox makes one\n";
    if (action === "export") return `${jsonText(pipelines.map(exported), 2)}\n`;
    const [good, bad] = ascii ? ["ok", "FAILED"] : ["✓", "✗"];
    const lines = pipelines.flatMap(({ pipeline, valid, problems }) => [
      `${valid ? good : bad} ${tameLine(pipeline)}`,
      ...problems.map((problem) => `    ${tameLine(problem)}`),
    ]);
    return `${lines.join("\n")}\n`;
  },
});

function exported({ pipeline, direction, enabled, config }: Output["pipelines"][number]): unknown {
  return { pipeline, direction, enabled, config };
}
