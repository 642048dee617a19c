/** What became of the auditor's role as text, and how to audit as it. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/audit.bootstrap.ts";
import { defineRenderer } from "../renderer.ts";
import { appliedSummary, appliedText, applyProgress } from "./access-applied-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: appliedText,
  progress: applyProgress,
  summary: (output, view) => {
    const { outcome, password_file: file, command } = output;
    const lines = [appliedSummary(output, view)];
    if (file !== null) lines.push(`its password is in ${tameLine(file)}`);
    if (outcome !== "not applied") lines.push(`next: ${tameLine(command)}`);
    return lines.join("\n");
  },
});
