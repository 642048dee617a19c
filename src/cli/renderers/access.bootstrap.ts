/** An apply as text, and where the model is kept. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/access.bootstrap.ts";
import { defineRenderer } from "../renderer.ts";
import { appliedSummary, appliedText, applyProgress } from "./access-applied-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: appliedText,
  progress: applyProgress,
  summary: (output, view) => {
    const kept = output.file === null ? undefined : `the model is in ${tameLine(output.file)}`;
    const lines = [appliedSummary(output, view), kept].filter((line) => line !== undefined);
    return lines.length > 0 ? lines.join("\n") : undefined;
  },
});
