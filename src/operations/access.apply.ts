/** `pgkeep access apply`: bring a database to its model, in one transaction, and prove that it is there. */
import { resolve } from "node:path";
import { readPlanFile } from "../access/apply/plan-file.ts";
import { defineOperation } from "../base/operation.ts";
import { appliedSchema } from "./access/applied-document.ts";
import { applyFields } from "./access/apply-input.ts";
import { appliedExitCode, applyModel } from "./access/applying.ts";
import { planningFields } from "./access/planning.ts";

export default defineOperation({
  name: "access.apply",
  summary: "Bring a database to its access model",
  description:
    "Plans, asks, and runs the plan in one transaction of the model's database. Before the commit the database is looked " +
    "at again, because PostgreSQL only warns when a GRANT or REVOKE has no effect: when it is not as planned, everything is " +
    "rolled back and the command ends with 23. A plan that was saved is applied only while it is still the plan, else 22.",
  effects: "destructive",
  surfaces: ["cli", "library"],
  cli: {
    command: "access apply",
    positionals: ["model?"],
    exitCodes: [10, 11, 12, 13, 16, 21, 22, 23, 130],
    examples: [
      { line: "pgkeep access apply access.yaml", does: "show the plan, ask, apply" },
      { line: "pgkeep access apply access.yaml --yes", does: "apply without asking, in a pipeline" },
      { line: "pgkeep access apply access.yaml --plan plan.json --yes", does: "apply exactly the plan that was saved" },
    ],
  },
  input: (z) =>
    z.strictObject({
      ...planningFields(z),
      plan: z.string().optional().meta({
        description: "Apply only when the plan is still the one in this file",
        valueName: "FILE",
        group: "what",
      }),
      ...applyFields(z),
    }),
  output: (z) => appliedSchema(z),
  exitCode: (output) => appliedExitCode(output),
  run: async (input, context) => {
    const saved =
      input.plan === undefined
        ? undefined
        : await readPlanFile(resolve(context.workingDirectory, input.plan), input.plan);
    return await applyModel({ ...input, ...saved?.choices }, context, { saved });
  },
});
