/** Checks of one catalog query that returns several rows per object: rows with the same `object` make one finding. */
import type { TextRow } from "../../../pg/session.ts";
import { type Check, defineCheck, type Found } from "../../check.ts";

interface RowsCheckParts extends Omit<Check, "examine" | "scope" | "needs"> {
  /** Default "database". */
  scope?: Check["scope"];
  /** As of queryCheck; rows of one object follow each other or not. */
  sql: string | ((major: number) => string);
  /** The finding that the rows of one object make, the first row also by itself. */
  found: (rows: readonly TextRow[], first: TextRow) => Omit<Found, "object">;
}

export function rowsCheck({ sql, found, scope = "database", ...parts }: RowsCheckParts): Check {
  return defineCheck({
    ...parts,
    scope,
    needs: [],
    examine: async (facts) => {
      const rows = await facts.query(typeof sql === "string" ? sql : sql(facts.server().major));
      const groups = new Map<string, [TextRow, ...TextRow[]]>();
      for (const row of rows) {
        const group = groups.get(row.object ?? "");
        if (group === undefined) groups.set(row.object ?? "", [row]);
        else group.push(row);
      }
      return [...groups].map(([object, own]) => ({ object, ...found(own, own[0]) }));
    },
  });
}

/** The values of one column, each once, in the order of the rows. */
export function valuesOf(rows: readonly TextRow[], column: string): string[] {
  return [...new Set(rows.map((row) => row[column] ?? ""))];
}
