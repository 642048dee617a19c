/**
 * Checks that are one catalog query: every row is an object with the defect.
 *
 * The query names what it reads in pg_catalog, runs under search_path pg_catalog alone, and returns `object` and `detail`
 * as text; more columns are for `found`, which makes the fix. It reads catalogs and nothing else: no table of a user, no
 * view, no function outside pg_catalog.
 */
import type { TextRow } from "../../pg/session.ts";
import type { Check, Found } from "../check.ts";
import type { Facts } from "../facts/facts.ts";

interface QueryCheckParts extends Omit<Check, "examine" | "scope" | "needs"> {
  /** Default "database". */
  scope?: Check["scope"] | undefined;
  /** Default none. */
  needs?: Check["needs"] | undefined;
  /** The query, or what makes it for one major version and what the operator declared. */
  sql: string | ((major: number, facts: Facts) => string);
  /** What a row says beyond object and detail. */
  found?: ((row: TextRow) => Partial<Found>) | undefined;
  /** Asked first; throws NotApplicable or Unanswered. */
  precondition?: ((facts: Facts) => Promise<void>) | undefined;
}

export function queryCheck({
  sql,
  found,
  precondition,
  scope = "database",
  needs = [],
  ...parts
}: QueryCheckParts): Check {
  return {
    ...parts,
    scope,
    needs,
    examine: async (facts) => {
      await precondition?.(facts);
      const text = typeof sql === "string" ? sql : sql(facts.server().major, facts);
      const rows = await facts.query(text);
      return rows.map((row) => ({ object: row.object ?? "", detail: row.detail ?? "", ...found?.(row) }));
    },
  };
}
