/** `pgkeep relay history`: who changed a pipeline, when and what. */
import { defineOperation } from "../base/operation.ts";
import { readHistory } from "./relay/history.ts";
import { targetFields, withTide } from "./relay/tide.ts";

export default defineOperation({
  name: "relay.history",
  summary: "Show who changed a pipeline, when, and what",
  description:
    "Reads the relay's own record of changes, deletions included. Values of fields that may hold secrets are not shown, " +
    "references are.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "relay history",
    positionals: ["pipeline"],
    list: "changes",
    exitCodes: [10, 11, 13],
    examples: [{ line: "pgkeep relay history orders -d shop", does: "the last 20 changes of pipeline orders" }],
  },
  input: (z) =>
    z.strictObject({
      pipeline: z.string().meta({ description: "Name of the pipeline" }),
      limit: z.int().min(1).max(1000).default(20).meta({ description: "How many", valueName: "N" }),
      since: z.string().optional().meta({ description: "Only changes after this time (RFC 3339)", valueName: "TIME" }),
      ...targetFields(z),
    }),
  output: (z) =>
    z.strictObject({
      changes: z.array(
        z.strictObject({
          id: z.int(),
          changed_at: z.string(),
          changed_by: z.string(),
          type: z.string(),
          kind: z.enum(["created", "changed", "deleted"]),
          fields: z.array(z.string()).meta({ description: "Top-level fields that differ" }),
          old_config: z.unknown(),
          new_config: z.unknown(),
        }),
      ),
    }),
  run: (input, context) =>
    withTide(input, context, async (session) => ({ changes: await readHistory(session, input) })),
});
