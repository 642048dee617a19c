/** The verdict on a project's metadata, with every shared id. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/metadata.validate.ts";
import { defineRenderer, type View } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (output, view) => (view.program === "pgmi" ? "" : `${verdict(output, view)}\n`),
  summary: (output, view) => (view.program === "pgmi" ? verdict(output, view) : undefined),
});

function verdict(output: Output, view: View): string {
  const { total_files, files_with_metadata, validation_passed, duplicate_ids } = output;
  const mark = validation_passed ? (view.ascii ? "ok" : "✓") : view.ascii ? "FAILED" : "✗";
  const shared = duplicate_ids.map((line) => `  ${tameLine(line)}`);
  const problem = validation_passed ? "" : `, ${duplicate_ids.length} id(s) used by more than one file`;
  return [`${mark} ${total_files} files, ${files_with_metadata} with metadata${problem}`, ...shared].join("\n");
}
