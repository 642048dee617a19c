/** `pgkeep audit fix`: what would cure the findings, in order; and the safe part of it done and proved. */
import { defineOperation } from "../base/operation.ts";
import { auditFields } from "./audit/audit-input.ts";
import { fixExitCode, fixSchema } from "./audit/fix-document.ts";
import { fixAudit } from "./audit/fixing.ts";

export default defineOperation({
  name: "audit.fix",
  summary: "Plan the cure of what the audit finds, and apply the safe part",
  description:
    "Runs the audit and puts every fix in the order of dependencies, with its risk and what it takes: a reload, a restart, a " +
    "person. With --apply the safe part is done after a question: settings that a reload brings into force, and privileges " +
    "that nobody passed on, these through the planner of access. Of low risk, that is; what has medium risk is done where " +
    "--only names its check or --max-risk says so, and high risk never. Then the same checks run again; a fix that did not cure is reported and " +
    "ends with 23. Without --apply nothing is changed, and 20 says that there is something to do.",
  effects: "destructive",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "audit fix",
    formats: ["sql", "conf"],
    list: "steps",
    exitCodes: [10, 11, 12, 13, 16, 20, 21, 22, 23, 130],
    examples: [
      { line: "pgkeep audit fix -d shop", does: "the plan, in order, with risks" },
      { line: "pgkeep audit fix -d shop -o sql=fix.sql -o conf=fix.conf", does: "as scripts to read and run" },
      { line: "pgkeep audit fix -d shop --apply --save-undo undo.sql", does: "ask, apply the safe part, audit again" },
      {
        line: "pgkeep audit fix -d shop --only FUN-005 --apply --yes",
        does: "one check, also of medium risk, without asking",
      },
    ],
  },
  input: (z) => {
    const flag = (description: string) => z.boolean().optional().meta({ description, group: "safety" });
    return z.strictObject({
      ...auditFields(z),
      apply: flag("Apply the safe part, then audit again"),
      dryRun: flag("With --apply: say what would be done and do nothing"),
      yes: flag("Apply without asking"),
      maxRisk: z.enum(["low", "medium"]).optional().meta({
        description: "Highest risk that --apply takes; default low, medium for a check that --only names",
        valueName: "RISK",
        group: "safety",
      }),
      saveUndo: z
        .string()
        .optional()
        .meta({ description: "Write a script that undoes what is applied", valueName: "FILE", group: "output" }),
    });
  },
  output: (z) => fixSchema(z),
  exitCode: (output) => fixExitCode(output),
  run: (input, context) => fixAudit(input, context),
});
