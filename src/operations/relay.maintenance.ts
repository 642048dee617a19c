/** `pgkeep relay maintenance sweep`: removes what was delivered and is past its retention. */
import { defineOperation } from "../base/operation.ts";
import { sweep } from "./relay/sweep.ts";
import { targetFields, withTide } from "./relay/tide.ts";

export default defineOperation({
  name: "relay.maintenance",
  summary: "Remove delivered events that are past their retention",
  description:
    "An event goes when every pipeline and consumer group of its outbox is past it and it is older than the outbox's " +
    "retention. Relays do this by themselves once a day. Works in batches, so that no long transaction holds anything up.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay maintenance",
    positionals: ["action"],
    list: "outboxes",
    exitCodes: [10, 11, 13],
    examples: [
      { line: "pgkeep relay maintenance sweep -d shop", does: "all outboxes" },
      { line: "pgkeep relay maintenance sweep --outbox orders --dry-run -d shop", does: "count, remove nothing" },
    ],
  },
  input: (z) =>
    z.strictObject({
      action: z.enum(["sweep"]).meta({ description: "What to do" }),
      outbox: z.string().optional().meta({ description: "Only this outbox", valueName: "NAME" }),
      batchSize: z
        .int()
        .min(1)
        .max(10_000)
        .default(1000)
        .meta({ description: "Events of one transaction", valueName: "N" }),
      maxBatches: z
        .int()
        .min(1)
        .optional()
        .meta({ description: "Stop after so many; default until done", valueName: "N" }),
      dryRun: z.boolean().optional().meta({ description: "Count the first batch and remove nothing", group: "safety" }),
      ...targetFields(z),
    }),
  output: (z) =>
    z.strictObject({
      outboxes: z.array(
        z.strictObject({
          outbox: z.string(),
          affected_rows: z.int(),
          completed_batches: z.int(),
          blockers: z.array(z.unknown()).meta({ description: "What keeps events that are old enough" }),
        }),
      ),
      total_deleted: z.int(),
      dry_run: z.boolean(),
    }),
  run: (input, context) => withTide(input, context, (session) => sweep(session, input, context.signal)),
});
