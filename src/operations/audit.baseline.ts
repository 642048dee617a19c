/** `pgkeep audit baseline`: takes what is found now as given, so that later runs fail for what is new. */
import { resolve } from "node:path";
import { SEVERITIES } from "../audit/ratings.ts";
import { baselineText } from "../audit/report/baseline.ts";
import { type AuditDocument, auditDocument } from "../audit/report/document.ts";
import { recordOf } from "../base/catalogue.ts";
import { defineOperation } from "../base/operation.ts";
import { checkOutputFile, writeOutputFile } from "../config/output-file.ts";
import { auditFields } from "./audit/audit-input.ts";
import { auditReport } from "./audit/auditing.ts";
import { savedRun } from "./audit/saved.ts";

export default defineOperation({
  name: "audit.baseline",
  summary: "Write a baseline of what an audit finds now",
  description:
    "Audits the server, or takes a saved run, and writes the fingerprints of its findings. A run with --baseline FILE then " +
    "fails for new findings alone; the known ones stay in its report and in its score. Waived findings are left out, " +
    "because a waiver ends.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "audit baseline",
    positionals: ["file"],
    exitCodes: [10, 11, 16, 130],
    examples: [
      { line: "pgkeep audit baseline audit-baseline.json -d shop", does: "what that server has now" },
      { line: "pgkeep audit baseline audit-baseline.json --from last", does: "what the last audit found" },
    ],
  },
  input: (z) =>
    z.strictObject({
      file: z.string().min(1).meta({ description: "Where to write it" }),
      from: z.string().optional().meta({
        description: "A saved run instead of a new one: a JSON file, an id, last",
        valueName: "RUN",
        group: "what",
      }),
      dryRun: z.boolean().optional().meta({ description: "Say what it would hold, write nothing", group: "safety" }),
      ...auditFields(z),
    }),
  output: (z) =>
    z.strictObject({
      file: z.string(),
      written: z.boolean(),
      findings: z.int(),
      counts: z.strictObject(recordOf(SEVERITIES, () => z.int())),
      waived: z.int().meta({ description: "Findings that are left out because a waiver holds" }),
    }),
  run: async ({ file, from, dryRun, ...input }, context) => {
    const path = resolve(context.workingDirectory, file);
    if (!dryRun) checkOutputFile(path);
    const document = from === undefined ? await freshRun(input, context) : (await savedRun(from, context)).document;
    if (!dryRun) writeOutputFile(path, baselineText(document));
    const failed = document.findings.filter(({ status }) => status === "fail");
    return {
      file,
      written: !dryRun,
      findings: failed.length,
      counts: recordOf(SEVERITIES, (one) => failed.filter(({ severity }) => severity === one).length),
      waived: document.findings.length - failed.length,
    };
  },
});

async function freshRun(...[input, context]: Parameters<typeof auditReport>): Promise<AuditDocument> {
  const { report } = await auditReport(input, context);
  const gate = { failOn: "none", isStrict: false, exitZero: true } as const;
  return auditDocument(report, gate, { minSeverity: "info", listUnknown: false, full: false });
}
