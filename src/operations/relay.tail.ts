/** `pgkeep relay tail`: deliveries and dead letters as they are recorded. */
import { defineOperation } from "../base/operation.ts";
import { followDeliveries } from "./relay/follow.ts";
import { milliseconds } from "./relay/run-input.ts";
import { targetFields, withTide } from "./relay/tide.ts";

export default defineOperation({
  name: "relay.tail",
  summary: "Follow deliveries and dead letters as they happen",
  description:
    "One line per batch that a relay recorded as delivered, and per dead letter; never a payload. Looks into the database, so " +
    "it sees every relay and needs no port of theirs. Ends with --limit, --timeout (both with 0) or Ctrl-C. A batch is what one " +
    "transaction recorded; its number is that of tide.relay_delivery_receipts.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay tail",
    exitCodes: [10, 11, 13],
    examples: [
      { line: "pgkeep relay tail -d shop", does: "all pipelines" },
      { line: "pgkeep relay tail --pipeline orders --limit 10 -d shop", does: "the next ten batches of one" },
    ],
  },
  input: (z) =>
    z.strictObject({
      pipeline: z
        .array(z.string())
        .optional()
        .meta({ description: "Only this pipeline; repeatable", valueName: "NAME" }),
      limit: z.int().min(1).optional().meta({ description: "End after so many lines", valueName: "N" }),
      interval: z.string().default("1s").meta({ description: "How often to look", duration: true, valueName: "DUR" }),
      fromStart: z.boolean().optional().meta({ description: "Begin with what is already recorded" }),
      ...targetFields(z),
    }),
  output: (z) => z.strictObject({ lines: z.int().meta({ description: "Lines that were printed" }) }),
  run: (input, context) =>
    withTide(input, context, async (session) => ({
      lines: await followDeliveries(
        session,
        { ...input, intervalMs: milliseconds(input.interval, "interval", { least: 50 }) },
        context,
      ),
    })),
});
