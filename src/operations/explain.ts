/** What an error code or a check means and what to do, from the same source as the reference pages. Needs no database. */
import { checkEntries, checkEntry } from "../audit/checks/catalogue.ts";
import { explainCheck } from "../audit/explain.ts";
import { ERROR_NUMBERS, ERRORS, type ErrorCode, PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { nearestName } from "../base/suggest.ts";
import { checkDocument, checkSchema } from "./audit/check-document.ts";

export default defineOperation({
  name: "explain",
  summary: "Explain an error code or a check",
  description:
    "Says what an error code means, how the program ends with it and whether trying again can help; or what a check of " +
    "the audit looks for, why, and what to do. Offline.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "explain",
    positionals: ["code"],
    examples: [
      { line: "pgkeep explain DEPLOY_LOCKED", does: "what that code means" },
      { line: "pgkeep explain ROL-001", does: "what that check looks for, and what to do" },
    ],
  },
  input: (z) =>
    z.strictObject({
      code: z.string().meta({
        description: "An error code, as printed after CODE:, or the id of a check",
        suggest: [...Object.keys(ERRORS), ...checkEntries().map(({ id }) => id)],
      }),
    }),
  output: (z) =>
    z.strictObject({
      code: z.string(),
      exit_code: z.int().nullable().meta({ description: "null for a check" }),
      retryable: z.boolean().nullable().meta({ description: "null for a check" }),
      explanation: z.string(),
      docs: z.string(),
      check: checkSchema(z).nullable().meta({ description: "null for an error code" }),
    }),
  run: async ({ code }) => {
    if (CHECK_ID.test(code)) return await explainedCheck(code);
    const known = knownCode(code);
    const { exit, retryable, explain } = ERRORS[known];
    return {
      code: known,
      exit_code: exit,
      retryable,
      explanation: explain,
      docs: `docs/reference/errors.md#${known.toLowerCase()}`,
      check: null,
    };
  },
});

/** Ids of checks: an area of three letters and a number. No error code looks so. */
const CHECK_ID = /^[a-z]{3}-\d+$/i;

async function explainedCheck(id: string) {
  const check = checkDocument(await explainCheck(checkEntry(id)));
  return { code: check.check, exit_code: null, retryable: null, explanation: check.why, docs: check.docs, check };
}

/** Codes are accepted in any case, and by their number: they are often typed from a screen. */
function knownCode(given: string): ErrorCode {
  const codes = Object.keys(ERRORS);
  const wanted = given.toUpperCase();
  if (isErrorCode(wanted)) return wanted;
  const numbered = Object.hasOwn(ERROR_NUMBERS, wanted) ? ERROR_NUMBERS[wanted] : undefined;
  if (numbered) return numbered;
  const near = nearestName(wanted, codes);
  throw new PgkeepError("USAGE_UNKNOWN_NAME", "there is no such code", {
    hint: near ? `Did you mean ${near}?` : "docs/reference/errors.md lists every code.",
  });
}

const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(ERRORS, text);
