/** A check as JSON: for `audit explain`, and for `explain`, which knows checks besides codes. */
import type { CheckExplanation } from "../../audit/explain.ts";
import { PILLARS, PROFILES, SEVERITIES } from "../../audit/ratings.ts";
import { checkPage } from "../../audit/reporters/wording.ts";
import type { ZodNamespace } from "../../base/operation.ts";

export function checkSchema(z: ZodNamespace) {
  return z.strictObject({
    check: z.string(),
    title: z.string(),
    pillar: z.enum(PILLARS),
    severity: z.enum(SEVERITIES),
    scope: z
      .enum(["cluster", "database", "template"])
      .meta({ description: "Where it looks: once, or in each database" }),
    why: z.string(),
    remedy: z.string(),
    limits: z.string().nullable(),
    needs: z.array(
      z.strictObject({
        right: z.string(),
        grant: z.array(z.string()).meta({ description: "Statements that give it to pgkeep_auditor" }),
        instead: z.string().nullable(),
      }),
    ),
    profiles: z
      .array(z.strictObject({ profile: z.enum(PROFILES), severity: z.enum([...SEVERITIES, "off"]) }))
      .meta({ description: "Profiles in which it weighs otherwise" }),
    since: z.int().nullable().meta({ description: "First major version that it concerns; null: all" }),
    until: z.int().nullable(),
    manual: z.array(z.string()),
    cis: z.array(z.string()),
    stig: z.array(z.string()),
    other: z.array(z.string()),
    docs: z.string(),
  });
}

export function checkDocument(explained: CheckExplanation) {
  const { limits, needs, profiles, since, until, references, ...plain } = explained;
  const { manual = [], cis = [], stig = [], other = [] } = references;
  return {
    ...plain,
    limits: limits ?? null,
    needs: needs.map(({ right, grant, instead }) => ({ right, grant: [...grant], instead: instead ?? null })),
    profiles: PROFILES.flatMap((profile) => {
      const severity = profiles[profile];
      return severity === undefined ? [] : [{ profile, severity }];
    }),
    since: since ?? null,
    until: until ?? null,
    manual: [...manual],
    cis: [...cis],
    stig: [...stig],
    other: [...other],
    docs: checkPage(explained.check),
  };
}

export type CheckDocument = ReturnType<typeof checkDocument>;
