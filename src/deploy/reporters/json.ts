/** The report as it is: one JSON object, indented by two blanks, the document that `--json` prints. */
import { defineReporter } from "./reporter.ts";

export default defineReporter({
  summary: "the result document, as --json prints it",
  render: (report) => `${JSON.stringify(report, undefined, 2)}\n`,
});
