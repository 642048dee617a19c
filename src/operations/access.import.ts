/** `pgkeep access import`: a server as it is, written as the model that leaves it so. */
import { inspect } from "../access/catalog/inspect.ts";
import { describeSnapshot } from "../access/import/describe.ts";
import { defineOperation } from "../base/operation.ts";
import { settingsFields } from "../config/input.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { newModelField, writeNewModel, writtenModelFields } from "./access/new-model-file.ts";
import { serverOf } from "./server/connect.ts";

export default defineOperation({
  name: "access.import",
  summary: "Write the model of a database as it is",
  description:
    "For databases that nobody described yet: roles, memberships, owners, grants down to columns, default privileges, " +
    "row level security. Planning with the result changes nothing; edit it to what should be. What all objects of a " +
    "kind share is one grant, so the file shows where a database is untidy. Passwords are neither read nor written.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "access import",
    positionals: ["file?"],
    exitCodes: [10, 11, 13, 16, 130],
    examples: [
      { line: "pgkeep access import access.yaml -d shop", does: "write the model of database shop to a new file" },
      { line: "pgkeep access import -d shop", does: "to standard output" },
    ],
  },
  input: (z) => z.strictObject({ ...newModelField(z), ...settingsFields(z), ...connectionFields(z) }),
  output: (z) =>
    z.strictObject({
      ...writtenModelFields(z),
      database: z.string(),
      roles: z.int(),
      schemas: z.int(),
      objects: z.int().meta({ description: "Objects that the model covers" }),
      unreadable: z.array(z.string()).meta({ description: "What could not be looked at, and is missing in the model" }),
    }),
  run: async ({ file, ...request }, context) => {
    const server = await serverOf(request, context);
    await using session = await server.open();
    const snapshot = await inspect(session);
    const { text, roles, schemas, objects } = describeSnapshot(snapshot);
    return {
      file: writeNewModel(file, text, context),
      text,
      database: snapshot.database,
      roles,
      schemas,
      objects,
      unreadable: [...snapshot.unreadable],
    };
  },
});
