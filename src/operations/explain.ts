/** What an error code means and what to do, from the same source as the reference page. Needs no database. */
import { ERROR_NUMBERS, ERRORS, type ErrorCode, PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { nearestName } from "../base/suggest.ts";

export default defineOperation({
  name: "explain",
  summary: "Explain an error code",
  description:
    "Says what an error code means, how the program ends with it and whether trying again can help. Offline.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "explain",
    positionals: ["code"],
    examples: [{ line: "pgkeep explain DEPLOY_LOCKED", does: "what that code means" }],
  },
  input: (z) =>
    z.strictObject({
      code: z.string().meta({ description: "An error code, as printed after CODE:", suggest: Object.keys(ERRORS) }),
    }),
  output: (z) =>
    z.strictObject({
      code: z.string(),
      exit_code: z.int(),
      retryable: z.boolean(),
      explanation: z.string(),
      docs: z.string(),
    }),
  run: async ({ code }) => {
    const known = knownCode(code);
    const { exit, retryable, explain } = ERRORS[known];
    return {
      code: known,
      exit_code: exit,
      retryable,
      explanation: explain,
      docs: `docs/reference/errors.md#${known.toLowerCase()}`,
    };
  },
});

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
