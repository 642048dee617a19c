/** One line per check, or per section of a benchmark. */
import type operation from "../../operations/audit.list.ts";
import { tableLines } from "../generic-text.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ checks }, view) => {
    if (checks.length === 0) return "no check is meant by that\n";
    const isMapping = checks.some(({ section }) => section !== null);
    const rows = checks.map(({ section, check, severity, pillar, title }) => ({
      ...(isMapping ? { section } : {}),
      check,
      severity,
      pillar,
      title,
    }));
    const ids = new Set(checks.map(({ check }) => check));
    return `${[...tableLines(rows, view), "", `${ids.size} checks; one of them: pgkeep explain ${checks[0]?.check}`].join("\n")}\n`;
  },
});
