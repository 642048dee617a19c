/** What there is to say about a check without a server: why, what to do, what it needs, where others say the same. */
import type { Check, References } from "./check.ts";
import type { CatalogueEntry } from "./checks/catalogue.ts";
import type { Pillar, Profile, Severity } from "./ratings.ts";
import { rightOf } from "./rights.ts";

export interface CheckExplanation {
  check: string;
  title: string;
  pillar: Pillar;
  severity: Severity;
  scope: Check["scope"];
  why: string;
  remedy: string;
  limits: string | undefined;
  /** Rights without which it has no answer, and how to give each to a role called pgkeep_auditor. */
  needs: readonly { right: string; grant: readonly string[]; instead: string | undefined }[];
  profiles: Readonly<Partial<Record<Profile, Severity | "off">>>;
  since: number | undefined;
  until: number | undefined;
  references: References;
}

/** The role of the examples: what `pgkeep audit bootstrap` makes. */
const AUDITOR = "pgkeep_auditor";

export async function explainCheck({ pillar, load }: CatalogueEntry): Promise<CheckExplanation> {
  const check = await load();
  return {
    check: check.id,
    title: check.title,
    pillar,
    severity: check.severity,
    scope: check.scope,
    why: check.why,
    remedy: check.remedy,
    limits: check.limits,
    needs: check.needs.map((name) => {
      const { name: right, grant, instead } = rightOf(name);
      return { right, grant: grant(AUDITOR), instead };
    }),
    profiles: check.profiles ?? {},
    since: check.since,
    until: check.until,
    references: check.references,
  };
}
