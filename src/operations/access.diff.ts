/** `pgkeep access diff`: how a database differs from its model, for programs. Changes nothing. */
import { EXIT } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { differencesDocument, differencesSchema } from "./access/difference.ts";
import { planningFields, planningOf } from "./access/planning.ts";

export default defineOperation({
  name: "access.diff",
  summary: "Compare a database with its access model",
  description:
    "The same comparison as access plan, as three lists: what the model has and the database lacks, what the database has " +
    "and the model does not, what both have with other values. Ends with 20 when there is a difference.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "access diff",
    positionals: ["model?"],
    exitCodes: [10, 11, 13, 16, 20, 130],
    examples: [
      { line: "pgkeep access diff access.yaml", does: "what differs, in words" },
      { line: "pgkeep access diff access.yaml --json", does: "for a program" },
    ],
  },
  input: (z) => z.strictObject(planningFields(z)),
  output: (z) => z.strictObject(differencesSchema(z)),
  exitCode: ({ missing, extra, different }) =>
    missing.length + extra.length + different.length > 0 ? EXIT.findings : EXIT.ok,
  run: async (input, context) => {
    const planning = await planningOf(input, context, { lenient: true });
    await using session = await planning.open();
    return differencesDocument({ ...(await planning.compare(session)), file: planning.model.file });
  },
});
