/** What was accepted, and what of the last audit that means. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/audit.waive.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

/** 10 objects show whether the pattern means what it should. */
const MAX_OBJECTS = 10;

export default defineRenderer<Output>({
  result: ({ file, written, waiver, accepted }) => {
    const { check, object, database, owner, expires } = waiver;
    const place = database === null ? "" : ` in database ${tameLine(database)}`;
    const what = `${check} on ${tameLine(object)}${place}, by ${tameLine(owner)}, through ${expires}`;
    const head = written ? `accepted: ${what} (${tameLine(file)})` : `would accept: ${what}; nothing was written`;
    return `${[head, ...acceptedLines(accepted)].join("\n")}\n`;
  },
});

function acceptedLines(accepted: Output["accepted"]): string[] {
  if (accepted === null) return [];
  if (accepted.length === 0) return ["! it accepts nothing that the last audit found"];
  const rest = accepted.length - MAX_OBJECTS;
  return [
    `of the last audit it accepts ${accepted.length}:`,
    ...accepted.slice(0, MAX_OBJECTS).map((object) => `  ${tameLine(object)}`),
    ...(rest > 0 ? [`  … ${rest} more`] : []),
  ];
}
