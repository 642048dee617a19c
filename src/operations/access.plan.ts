/** `pgkeep access plan`: what would bring a database to its model, statement by statement. Changes nothing. */
import { resolve } from "node:path";
import { planFileText } from "../access/apply/plan-file.ts";
import { undoScript } from "../access/plan/script.ts";
import { defineOperation } from "../base/operation.ts";
import { checkOutputFile, writeOutputFile } from "../config/output-file.ts";
import { planDocument, planExitCode, planSchema } from "./access/plan-document.ts";
import { planningFields, planningOf } from "./access/planning.ts";

export default defineOperation({
  name: "access.plan",
  summary: "Show what would bring a database to its access model",
  description:
    "Reads roles, privileges, owners, defaults and policies in one read-only transaction and compares them with the model. " +
    "Every statement comes with its reason, the right that it needs, the lock that it takes and what undoes it; what this " +
    "role cannot run is listed with who can. Ends with 0 when there is nothing to do, 20 when there is, 21 when part of it " +
    "is blocked.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "access plan",
    positionals: ["model?"],
    list: "statements",
    formats: ["sql"],
    exitCodes: [10, 11, 13, 16, 20, 21, 130],
    examples: [
      { line: "pgkeep access plan", does: "the plan of access.yaml for the database that it names" },
      { line: "pgkeep access plan access.yaml --save plan.json", does: "keep it, to apply exactly this one later" },
      { line: "pgkeep access plan access.yaml -o sql=plan.sql", does: "as a script for psql" },
    ],
  },
  input: (z) =>
    z.strictObject({
      ...planningFields(z),
      save: z
        .string()
        .optional()
        .meta({ description: "Write the plan for access apply --plan", valueName: "FILE", group: "output" }),
      saveUndo: z
        .string()
        .optional()
        .meta({ description: "Write a script that undoes the plan", valueName: "FILE", group: "output" }),
    }),
  output: (z) => planSchema(z),
  exitCode: (output) => planExitCode(output),
  run: async (input, context) => {
    const files = [input.save, input.saveUndo].map((path) => path && resolve(context.workingDirectory, path));
    for (const path of files) if (path) checkOutputFile(path);
    const planning = await planningOf(input, context, { lenient: true });
    await using session = await planning.open();
    const plan = await planning.plan(session);
    const [save, saveUndo] = files;
    const { cascade = false, includeDefiner = false, rotate = false } = input;
    if (save) writeOutputFile(save, planFileText(plan, { cascade, includeDefiner, rotate }));
    if (saveUndo) writeOutputFile(saveUndo, undoScript(plan));
    return planDocument(plan, planning.model);
  },
});
