/** One line per question, its fix below it, and the section where it changes. */
import { styleText } from "node:util";
import { tameLine } from "../../base/tame.ts";
import type { Check } from "../../operations/doctor/check.ts";
import { defineRenderer, type View } from "../renderer.ts";

const MARKS: Readonly<Record<Check["status"], string>> = {
  ok: "[ok]  ",
  warn: "[warn]",
  fail: "[FAIL]",
  unknown: "[????]",
};

const COLOURS = { ok: "green", warn: "yellow", fail: "red", unknown: "magenta" } as const;

export default defineRenderer<{ checks: readonly Check[] }>({
  result: ({ checks }, view) =>
    `${checks.flatMap((check, index) => lines(check, checks[index - 1], view)).join("\n")}\n`,
});

function lines(check: Check, before: Check | undefined, view: View): string[] {
  const { section, what, status, detail, fix } = check;
  const mark = view.colour ? styleText(COLOURS[status], MARKS[status], { validateStream: false }) : MARKS[status];
  return [
    ...(section === before?.section ? [] : [section]),
    `  ${mark} ${what.padEnd(17)} ${tameLine(detail)}`,
    ...(fix === null ? [] : [`         fix: ${tameLine(fix)}`]),
  ];
}
