/** `pgkeep audit history`: how the scores of a server went. */
import { PILLARS, SEVERITIES } from "../audit/ratings.ts";
import type { AuditDocument } from "../audit/report/document.ts";
import { type KeptAudit, listAudits, MAX_AUDITS } from "../audit/report/history.ts";
import { recordOf } from "../base/catalogue.ts";
import { defineOperation } from "../base/operation.ts";

export default defineOperation({
  name: "audit.history",
  summary: "List the audits that were run from here, with their scores",
  description:
    "Each audit leaves a record in a directory of the person who ran it, whole, so that it can be shown again, compared and " +
    "drawn as a trend. Only --no-record and record_runs: false in pgkeep.yaml prevent it.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "audit history",
    list: "audits",
    examples: [
      { line: "pgkeep audit history", does: "the last 30 audits and the trend of each pillar" },
      { line: "pgkeep audit history --target 10.0.0.5:5432/shop --json", does: "those of one server, for a script" },
    ],
  },
  input: (z) =>
    z.strictObject({
      limit: z
        .int()
        .min(1)
        .max(MAX_AUDITS)
        .default(30)
        .meta({ description: "How many", valueName: "N", group: "what" }),
      target: z
        .string()
        .optional()
        .meta({ description: "Only audits of HOST:PORT/DATABASE", valueName: "TARGET", group: "what" }),
    }),
  output: (z) => {
    const score = z.number().nullable();
    return z.strictObject({
      audits: z.array(
        z.strictObject({
          id: z.string(),
          observed_at: z.string(),
          target: z.string().nullable().meta({ description: "null: files alone were looked at" }),
          profile: z.string(),
          score: score.meta({ description: "0 to 100; null: too little was checked" }),
          grade: z.string().nullable(),
          network: score,
          transport: score,
          database: score,
          practices: score,
          ...recordOf(SEVERITIES, () => z.int()),
          waived: z.int(),
          unknown: z.int(),
        }),
      ),
      total: z.int().meta({ description: "Audits that are kept" }),
      unreadable: z.int().meta({ description: "Damaged records, or those of a later version" }),
    });
  },
  run: async ({ limit, target }, { environment }) => {
    const isWanted = (document: AuditDocument): boolean => target === undefined || targetName(document) === target;
    const { audits, total, unreadable } = await listAudits(environment, { limit, isWanted });
    return { audits: audits.map(rowOf), total, unreadable };
  },
});

function targetName({ target }: AuditDocument): string | null {
  return target && `${target.host}:${target.port}/${target.database}`;
}

function rowOf({ id, document }: KeptAudit) {
  const { observed_at, profile, overall, pillars } = document;
  const [network, transport, database, practices] = PILLARS.map(
    (name) => pillars.find(({ pillar }) => pillar === name)?.score ?? null,
  );
  return {
    id,
    observed_at,
    target: targetName(document),
    profile,
    score: overall.score,
    grade: overall.grade,
    network: network ?? null,
    transport: transport ?? null,
    database: database ?? null,
    practices: practices ?? null,
    ...overall.counts,
    waived: overall.waived,
    unknown: overall.unknown,
  };
}
