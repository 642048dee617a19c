/** `pgkeep audit explain`: one check in words, from the same source as its page in the reference. Needs no server. */
import { checkEntries, checkEntry } from "../audit/checks/catalogue.ts";
import { explainCheck } from "../audit/explain.ts";
import { defineOperation } from "../base/operation.ts";
import { checkDocument, checkSchema } from "./audit/check-document.ts";

export default defineOperation({
  name: "audit.explain",
  summary: "Explain a check",
  description:
    "Says what somebody can do because of it, what to do about it, what the check cannot see and which rights it needs. " +
    "Offline.",
  effects: "read",
  surfaces: ["cli", "library", "mcp", "console"],
  cli: {
    command: "audit explain",
    positionals: ["check"],
    examples: [{ line: "pgkeep audit explain ROL-001", does: "what that check looks for, and why" }],
  },
  input: (z) =>
    z.strictObject({
      check: z.string().meta({ description: "Id of a check", suggest: checkEntries().map(({ id }) => id) }),
    }),
  output: checkSchema,
  run: async ({ check }) => checkDocument(await explainCheck(checkEntry(check))),
});
