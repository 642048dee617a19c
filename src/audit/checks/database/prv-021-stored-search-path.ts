/** PRV-021: stored search paths that put pg_catalog late or pg_temp early. */
import { nameListItems } from "../../../pg/name-lists.ts";
import { defineCheck } from "../../check.ts";
import { storedSettings } from "./stored-settings.ts";

export default defineCheck({
  id: "PRV-021",
  title: "stored search_path lets other objects come before pg_catalog",
  severity: "high",
  scope: "cluster",
  needs: [],
  why:
    "Without being named pg_catalog is searched first. A path that names it after another schema, or pg_temp before the " +
    "end, lets whoever may create objects there replace any built-in function or table for these sessions.",
  remedy: "Leave pg_catalog out or first, and pg_temp out or last.",
  references: { manual: ["Writing SECURITY DEFINER Functions Safely", "Client Connection Defaults"] },
  examine: async (facts) => {
    const stored = await storedSettings(facts, ["search_path"]);
    return stored.flatMap(({ holder, value, reset }) => {
      const detail = whatIsWrong(nameListItems(value));
      if (detail === undefined) return [];
      return {
        object: holder,
        detail,
        fix: {
          kind: "sql",
          sql: [reset],
          risk: "medium",
          riskReason: "new sessions search the server's path; set one without the fault where that is not right",
        },
      };
    });
  },
});

function whatIsWrong(path: readonly string[]): string | undefined {
  const catalog = path.indexOf("pg_catalog");
  if (catalog > 0) return `search_path names pg_catalog in place ${catalog + 1}`;
  const temporary = path.indexOf("pg_temp");
  if (temporary >= 0 && temporary < path.length - 1)
    return `search_path names pg_temp in place ${temporary + 1}, not last`;
  return undefined;
}
