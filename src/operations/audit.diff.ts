/** `pgkeep audit diff`: what two audits of a server found differently. Asks no server. */
import { PILLARS, SEVERITIES } from "../audit/ratings.ts";
import { type DiffedFinding, diffRuns } from "../audit/report/diff.ts";
import { type AuditDocument, isAtLeast, type Threshold, thresholds } from "../audit/report/document.ts";
import { EXIT } from "../base/errors.ts";
import { defineOperation, type ZodNamespace } from "../base/operation.ts";
import { type SavedRun, savedRun } from "./audit/saved.ts";

export default defineOperation({
  name: "audit.diff",
  summary: "Compare two audits",
  description:
    "Says which findings are new, gone, still there or graver than before. A finding that was not looked for again is not " +
    "called gone. Ends with 20 when a new finding is at or above --fail-on.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "audit diff",
    positionals: ["before?", "after?"],
    exitCodes: [10, 20],
    examples: [
      { line: "pgkeep audit diff", does: "the last two audits that were run from here" },
      { line: "pgkeep audit diff monday.json friday.json", does: "two that were saved" },
    ],
  },
  input: (z) =>
    z.strictObject({
      before: z
        .string()
        .optional()
        .meta({ description: "Saved JSON, or an id of pgkeep audit history; default the one before the last" }),
      after: z.string().optional().meta({ description: "The same for the later one; default the last" }),
      failOn: thresholds(z)
        .default("high")
        .meta({ description: "Severity from which a new finding fails", group: "safety" }),
    }),
  output: (z) => {
    const finding = findingSchema(z);
    const run = z.strictObject({ run: z.string(), observed_at: z.string(), target: z.string().nullable() });
    const score = z.number().nullable();
    return z.strictObject({
      before: run,
      after: run,
      same_target: z.boolean().meta({ description: "Whether both looked at one server and database" }),
      scores: z.array(z.strictObject({ pillar: z.enum([...PILLARS, "all"]), before: score, after: score })),
      new: z.array(finding),
      gone: z.array(finding),
      not_looked_for: z.array(finding).meta({ description: "Failing before; no answer in the later run" }),
      waived: z.array(finding).meta({ description: "Failing before, accepted now" }),
      severity_changed: z.array(z.strictObject({ ...finding.shape, from: z.enum(SEVERITIES) })),
      still: z.int(),
      fail_on: thresholds(z),
      at_or_above: z.int().meta({ description: "New findings that count against the threshold" }),
    });
  },
  exitCode: ({ at_or_above }) => (at_or_above > 0 ? EXIT.findings : EXIT.ok),
  run: async ({ before = "previous", after = "last", failOn }, context) => {
    const [then, now] = await Promise.all([savedRun(before, context), savedRun(after, context)]);
    const difference = diffRuns(then.document, now.document);
    return {
      before: runOf(then),
      after: runOf(now),
      same_target: targetOf(then.document) === targetOf(now.document),
      scores: scoresOf(then.document, now.document),
      new: [...difference.appeared],
      gone: [...difference.gone],
      not_looked_for: [...difference.lost],
      waived: [...difference.waived],
      severity_changed: difference.severityChanged.map(({ finding, from }) => ({ ...finding, from })),
      still: difference.still.length,
      fail_on: failOn,
      at_or_above: countAtLeast(difference.appeared, failOn),
    };
  },
});

function findingSchema(z: ZodNamespace) {
  return z.strictObject({
    fingerprint: z.string(),
    check: z.string(),
    severity: z.enum(SEVERITIES),
    status: z.enum(["fail", "waived"]),
    pillar: z.enum(PILLARS),
    database: z.string().nullable(),
    object: z.string(),
    title: z.string(),
    evidence: z.string(),
  });
}

function countAtLeast(findings: readonly DiffedFinding[], threshold: Threshold): number {
  return findings.filter(({ severity }) => isAtLeast(severity, threshold)).length;
}

function targetOf({ target }: AuditDocument): string | null {
  return target && `${target.host}:${target.port}/${target.database}`;
}

function runOf({ name, document }: SavedRun) {
  return { run: name, observed_at: document.observed_at, target: targetOf(document) };
}

function scoresOf(then: AuditDocument, now: AuditDocument) {
  const pillars = PILLARS.map((pillar) => ({
    pillar,
    before: then.pillars.find((each) => each.pillar === pillar)?.score ?? null,
    after: now.pillars.find((each) => each.pillar === pillar)?.score ?? null,
  }));
  return [...pillars, { pillar: "all" as const, before: then.overall.score, after: now.overall.score }];
}
