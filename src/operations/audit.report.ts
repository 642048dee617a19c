/** `pgkeep audit report`: a run that was saved, again, in any format. Asks no server. */
import { SEVERITIES } from "../audit/ratings.ts";
import { auditExitCode, auditSchema, judged, thresholds } from "../audit/report/document.ts";
import { defineOperation } from "../base/operation.ts";
import { savedRun } from "./audit/saved.ts";

export default defineOperation({
  name: "audit.report",
  summary: "Show a saved audit, in any format",
  description:
    "Reads the JSON of an audit, or a run of this account's history, and prints it as audit would have: as text, SARIF, " +
    "JUnit, Markdown, annotations or a page. Ends as that audit did, unless another threshold is given.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "audit report",
    positionals: ["run?"],
    formats: ["github", "html", "junit", "md", "sarif"],
    exitCodes: [10, 20, 21],
    examples: [
      { line: "pgkeep audit report", does: "the last audit that was run from here" },
      { line: "pgkeep audit report audit.json -o html=audit.html", does: "a page from a saved audit" },
    ],
  },
  input: (z) =>
    z.strictObject({
      run: z.string().optional().meta({ description: "Saved JSON, or an id of pgkeep audit history; default last" }),
      failOn: thresholds(z)
        .optional()
        .meta({ description: "Severity from which a finding fails; default the run's own", group: "safety" }),
      strict: z.boolean().optional().meta({ description: "Also fail for what is unknown", group: "safety" }),
      exitZero: z.boolean().optional().meta({ description: "End with 0 whatever was found", group: "safety" }),
      minSeverity: z
        .enum(SEVERITIES)
        .default("info")
        .meta({ description: "Show findings from this severity on; changes nothing else", group: "output" }),
      listUnknown: z.boolean().default(false).meta({ description: "Show what is unknown, and why", group: "output" }),
      full: z.boolean().default(false).meta({ description: "Show every finding", group: "output" }),
    }),
  output: (z) => auditSchema(z),
  exitCode: (output) => auditExitCode(output),
  run: async ({ run = "last", failOn, strict, exitZero, minSeverity, listUnknown, full }, context) => {
    const { document } = await savedRun(run, context);
    const { gate } = document;
    return {
      ...document,
      gate: judged(document, {
        failOn: failOn ?? gate.fail_on,
        isStrict: strict ?? gate.strict,
        exitZero: exitZero ?? gate.exit_zero,
      }),
      display: { min_severity: minSeverity, list_unknown: listUnknown, full },
    };
  },
});
