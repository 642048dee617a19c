/** What a baseline holds. */
import { SEVERITIES } from "../../audit/ratings.ts";
import { shellWord } from "../../base/shell.ts";
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/audit.baseline.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ file, written, findings, counts, waived }, { place = "" }) => {
    const bySeverity = SEVERITIES.flatMap((severity) =>
      counts[severity] > 0 ? `${counts[severity]} ${severity}` : [],
    );
    const held = `${findings} finding${findings === 1 ? "" : "s"}${findings === 0 ? "" : ` (${bySeverity.join(", ")})`}`;
    const left = waived > 0 ? `; ${waived} waived left out` : "";
    const lines = written
      ? [`${tameLine(file)} holds ${held}${left}`, `next: pgkeep audit --baseline ${shellWord(file)}${place}`]
      : [`${tameLine(file)} would hold ${held}${left}; nothing was written`];
    return `${lines.join("\n")}\n`;
  },
});
