/** `pgkeep access own`: give databases, schemas and objects to the owners that the model names, and nothing else. */
import type { AccessModel } from "../access/model/model.ts";
import { defineOperation } from "../base/operation.ts";
import { appliedSchema } from "./access/applied-document.ts";
import { applyFields } from "./access/apply-input.ts";
import { appliedExitCode, applyModel } from "./access/applying.ts";
import { planningFields } from "./access/planning.ts";

export default defineOperation({
  name: "access.own",
  summary: "Give objects to the owners that the model names",
  description:
    "Changes owners object by object, in the order that their dependencies need, and leaves grants, roles and defaults " +
    "as they are. Security definer functions and views run with their owner's rights, so those are left alone without " +
    "--include-definer. Each change locks its table for others until the end; --one-by-one commits after each.",
  effects: "destructive",
  surfaces: ["cli", "library"],
  cli: {
    command: "access own",
    positionals: ["model?"],
    exitCodes: [10, 11, 12, 13, 16, 21, 22, 23, 130],
    examples: [
      { line: "pgkeep access own access.yaml --dry-run", does: "the statements, without running them" },
      { line: "pgkeep access own access.yaml --one-by-one", does: "change owners, a moment's lock per table" },
    ],
  },
  input: (z) => z.strictObject({ ...planningFields(z), ...applyFields(z) }),
  output: (z) => appliedSchema(z),
  exitCode: (output) => appliedExitCode(output),
  run: (input, context) => applyModel(input, context, { narrow: ownersOnly }),
});

/** The model with nothing to say but who owns what. */
function ownersOnly(model: AccessModel): AccessModel {
  return {
    ...model,
    mode: "adopt",
    roles: new Map(),
    memberships: [],
    rules: [],
    defaults: [],
    rowSecurity: [],
    databaseSettings: new Map(),
    schemas: new Map(
      [...model.schemas].map(([name, schema]) => [name, { ...schema, create: false, comment: undefined }]),
    ),
    governsDatabase: false,
    governed: [],
  };
}
