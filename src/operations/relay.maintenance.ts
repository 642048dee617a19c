/** `pgkeep relay maintenance sweep|rotate-keys`: removes what was delivered and is old, seals what waits under a new key. */
import { EXIT } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { keysOf, rotateKeys } from "./relay/rotate-keys.ts";
import { sweepAll } from "./relay/sweep.ts";
import { targetFields, withTide } from "./relay/tide.ts";

export default defineOperation({
  name: "relay.maintenance",
  summary: "Remove delivered events that are past their retention; seal events under a new key",
  description:
    "sweep: an event goes when every pipeline and consumer group of its outbox is past it and it is older than the outbox's " +
    "retention; a settled dead letter when it is older than its pipeline's dlq.retention_days. Relays do this by themselves " +
    "once a day. Works in batches, so that no long transaction holds anything up. " +
    "rotate-keys: payloads that publishers encrypted are sealed anew with the key of --key-file, after publishers and " +
    "pipelines have been given both keys. It can be interrupted and repeated; when it says complete, no event and no " +
    "dead letter of the outbox needs the older keys any more.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay maintenance",
    positionals: ["action"],
    list: "outboxes",
    exitCodes: [10, 11, 13, 20],
    examples: [
      { line: "pgkeep relay maintenance sweep -d shop", does: "all outboxes" },
      { line: "pgkeep relay maintenance sweep --outbox orders --dry-run -d shop", does: "count, remove nothing" },
      {
        line: "pgkeep relay maintenance rotate-keys --outbox orders --key-file new --previous-key-file old",
        does: "seal what waits under the new key",
      },
    ],
  },
  input: (z) =>
    z.strictObject({
      action: z.enum(["sweep", "rotate-keys"]).meta({ description: "What to do" }),
      outbox: z.string().optional().meta({ description: "Only this outbox; rotate-keys needs one", valueName: "NAME" }),
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
      keyFile: z.string().optional().meta({
        description: "File of the new key: 64 hexadecimal digits (rotate-keys)",
        valueName: "FILE",
        group: "what",
      }),
      previousKeyFile: z
        .array(z.string())
        .optional()
        .meta({ description: "File of a key before it; repeatable (rotate-keys)", valueName: "FILE", group: "what" }),
      dryRun: z
        .boolean()
        .optional()
        .meta({ description: "Count and change nothing; of a sweep the first batch", group: "safety" }),
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
      dead_letters: z.int().optional().meta({
        description:
          "Settled dead letters removed; absent with --dry-run, --outbox and rotate-keys, and for a role that may not",
      }),
      rotation: z
        .strictObject({
          key_id: z.string().meta({ description: "How envelopes name the new key" }),
          events: z.int().meta({ description: "Events sealed anew, or that would be" }),
          dead_letters: z.int().meta({ description: "The same of dead letters" }),
          unreadable: z.int().meta({ description: "Payloads that none of the keys opens, left as they were" }),
          complete: z.boolean().meta({ description: "Whether nothing is left under an older key" }),
        })
        .optional()
        .meta({ description: "What rotate-keys did" }),
    }),
  run: async (input, context) => {
    if (input.action === "sweep")
      return withTide(input, context, (session) => sweepAll(session, input, context.signal));
    const keys = await keysOf(input, context);
    const rotation = await withTide(input, context, (session) =>
      rotateKeys(session, { keys, request: input, context }),
    );
    return { outboxes: [], total_deleted: 0, dry_run: input.dryRun ?? false, rotation };
  },
  exitCode: ({ rotation }) => (rotation !== undefined && rotation.unreadable > 0 ? EXIT.findings : EXIT.ok),
});
