/** `pgkeep audit`: is this server safe, and what should be done first. */
import { SEVERITIES } from "../audit/ratings.ts";
import { auditDocument, auditExitCode, auditSchema, thresholds } from "../audit/report/document.ts";
import { keepAudit } from "../audit/report/history.ts";
import { defineOperation, type OperationContext } from "../base/operation.ts";
import { auditFields } from "./audit/audit-input.ts";
import { auditReport } from "./audit/auditing.ts";

export default defineOperation({
  name: "audit.run",
  summary: "Check how safe a server is, with evidence and fixes",
  description:
    "Asks the live server, database by database, and never writes. What the role of the run may not see is unknown, never " +
    "good, and the grant that would answer is named. Ends with 20 when something at or above --fail-on was found.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "audit",
    formats: ["github", "html", "junit", "md", "sarif"],
    exitCodes: [10, 11, 16, 20, 21, 130],
    examples: [
      { line: "pgkeep audit -d shop", does: "check the server of that database" },
      { line: "pgkeep audit -d shop --probe -o html=audit.html", does: "try it from outside too, and write a page" },
      { line: "pgkeep audit --baseline audit.json --fail-on medium -o sarif=audit.sarif", does: "in a pipeline" },
    ],
  },
  input: (z) =>
    z.strictObject({
      ...auditFields(z),
      failOn: thresholds(z)
        .optional()
        .meta({ description: "Severity from which a finding fails the run; default high", group: "safety" }),
      strict: z
        .boolean()
        .optional()
        .meta({ description: "Also fail when a check of that severity is unknown", group: "safety" }),
      exitZero: z.boolean().optional().meta({ description: "End with 0 whatever was found", group: "safety" }),
      minSeverity: z
        .enum(SEVERITIES)
        .optional()
        .meta({ description: "Show findings from this severity on; changes nothing else", group: "output" }),
      listUnknown: z.boolean().optional().meta({ description: "Show what is unknown, and why", group: "output" }),
      full: z.boolean().optional().meta({ description: "Show every finding", group: "output" }),
      noRecord: z.boolean().optional().meta({
        description: "Leave no record for pgkeep audit history; with --only there is none anyway",
        group: "output",
      }),
    }),
  output: (z) => auditSchema(z),
  exitCode: (output) => auditExitCode(output),
  run: async (input, context) => {
    const { report, failOn, recordsRuns } = await auditReport(input, context);
    const gate = { failOn: input.failOn ?? failOn, isStrict: input.strict ?? false, exitZero: input.exitZero ?? false };
    const { minSeverity = "info", listUnknown = false, full = false } = input;
    const document = auditDocument(report, gate, { minSeverity, listUnknown, full });
    for (const finding of document.findings) context.report({ type: "audit.finding", ...finding });
    // A part of the checks has a score of its own, which beside whole runs would read as a leap.
    const isWhole = input.only === undefined || input.only.length === 0;
    if (recordsRuns && isWhole && !input.noRecord) keepAudit(document, keepOptions(context));
    return document;
  },
});

function keepOptions({ environment, report }: OperationContext) {
  return { environment, warn: (message: string) => report({ type: "warning", id: "audit-record", message }) };
}
