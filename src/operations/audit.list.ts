/** `pgkeep audit list`: every check there is, or those that a benchmark asks for. Needs no server. */
import { checkEntries } from "../audit/checks/catalogue.ts";
import { explainCheck } from "../audit/explain.ts";
import { PILLARS, PROFILES, SEVERITIES } from "../audit/ratings.ts";
import { defineOperation } from "../base/operation.ts";
import { type CheckDocument, checkDocument } from "./audit/check-document.ts";

const FRAMEWORKS = ["cis", "stig"] as const;

export default defineOperation({
  name: "audit.list",
  summary: "List the checks",
  description:
    "Every check with its severity, where it looks and the rights that it needs. With --framework one row for each " +
    "section of the CIS PostgreSQL Benchmark, or each topic of the database STIG, and the check that answers it. Offline.",
  effects: "read",
  surfaces: ["cli", "library", "mcp", "console"],
  cli: {
    command: "audit list",
    list: "checks",
    examples: [
      { line: "pgkeep audit list", does: "all checks" },
      { line: "pgkeep audit list --pillar network --fields check,severity,title", does: "those of one pillar" },
      { line: "pgkeep audit list --framework cis", does: "by section of the CIS benchmark" },
    ],
  },
  input: (z) =>
    z.strictObject({
      pillar: z.enum(PILLARS).optional().meta({ description: "Only checks of this pillar", group: "what" }),
      severity: z.enum(SEVERITIES).optional().meta({ description: "Only checks of this severity", group: "what" }),
      profile: z
        .enum(PROFILES)
        .default("default")
        .meta({ description: "Severities under this profile, without those that it leaves out", group: "what" }),
      framework: z
        .enum(FRAMEWORKS)
        .optional()
        .meta({ description: "By section of this benchmark, only checks that it asks for", group: "what" }),
    }),
  output: (z) =>
    z.strictObject({
      checks: z.array(
        z.strictObject({
          section: z.string().nullable().meta({ description: "Of the framework; null without one" }),
          check: z.string(),
          severity: z.enum(SEVERITIES),
          pillar: z.enum(PILLARS),
          title: z.string(),
          scope: z.enum(["cluster", "database", "template"]),
          needs: z.array(z.string()),
        }),
      ),
    }),
  run: async ({ pillar, severity, profile, framework }) => {
    const explained = await Promise.all(checkEntries().map(async (entry) => checkDocument(await explainCheck(entry))));
    const rows = explained
      .flatMap((check) => rowsOf(check, { profile, framework }))
      .filter((row) => (!pillar || row.pillar === pillar) && (!severity || row.severity === severity));
    return { checks: framework === undefined ? rows : rows.sort((a, b) => bySection(a.section, b.section)) };
  },
});

interface Choice {
  profile: (typeof PROFILES)[number];
  framework: (typeof FRAMEWORKS)[number] | undefined;
}

/** One row per section that asks for the check; none when the profile leaves it out. */
function rowsOf(check: CheckDocument, { profile, framework }: Choice) {
  const severity = check.profiles.find((each) => each.profile === profile)?.severity ?? check.severity;
  if (severity === "off") return [];
  const { pillar, title, scope, needs } = check;
  const row = { check: check.check, severity, pillar, title, scope, needs: needs.map(({ right }) => right) };
  const sections = framework === undefined ? [null] : check[framework];
  return sections.map((section) => ({ section, ...row }));
}

/** "3.1.2" before "3.1.10"; topics by their letters. */
function bySection(a: string | null, b: string | null): number {
  return (a ?? "").localeCompare(b ?? "", "en", { numeric: true });
}
