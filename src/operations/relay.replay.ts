/** `pgkeep relay replay preview|execute`: delivers events again that were delivered before. */
import { PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { executeReplay, previewReplay, type ReplayOutput } from "./relay/replay.ts";
import { targetFields, withTide } from "./relay/tide.ts";
import { serverOf } from "./server/connect.ts";

export default defineOperation({
  name: "relay.replay",
  summary: "Show or repeat the delivery of a range of events",
  description:
    "preview lists the events of an outbox that are still there; nothing is delivered. execute sends a range through a " +
    "pipeline again, with the same dedup keys and a position of its own, so the pipeline's live position does not move. " +
    "Receivers that do not deduplicate will see the events twice.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay replay",
    positionals: ["action"],
    list: "events",
    exitCodes: [10, 11, 12, 13, 23],
    examples: [
      { line: "pgkeep relay replay preview --outbox orders --from-id 100 -d shop", does: "what there is" },
      {
        line: "pgkeep relay replay execute --pipeline orders-webhook --from-id 100 --to-id 120 --yes -d shop",
        does: "deliver it again",
      },
    ],
  },
  input: (z) =>
    z.strictObject({
      action: z.enum(["preview", "execute"]).meta({ description: "What to do" }),
      outbox: z.string().optional().meta({ description: "preview: the outbox", valueName: "NAME" }),
      pipeline: z.string().optional().meta({ description: "execute: the pipeline", valueName: "NAME" }),
      fromId: z.int().min(0).default(0).meta({ description: "First event", valueName: "ID" }),
      toId: z.int().min(0).optional().meta({ description: "Last event; execute needs it", valueName: "ID" }),
      limit: z.int().min(1).max(100_000).default(100).meta({ description: "preview: most to show", valueName: "N" }),
      batchSize: z
        .int()
        .min(1)
        .max(10_000)
        .default(100)
        .meta({ description: "execute: events of one batch", valueName: "N" }),
      showPayload: z.boolean().optional().meta({ description: "preview: print payload and headers", group: "output" }),
      ssrfAllow: z.array(z.string()).optional().meta({
        description: "execute: private networks and hosts that may be dialled, separated by commas",
        valueName: "CIDR,...",
        group: "safety",
      }),
      secretRoot: z.array(z.string()).optional().meta({
        description: "execute: directory that ${file:} may read below; repeatable",
        valueName: "DIR",
        group: "safety",
      }),
      fileRoot: z.array(z.string()).optional().meta({
        description: "execute: directory that file sinks may write below; repeatable",
        valueName: "DIR",
        group: "safety",
      }),
      allowInsecure: z
        .boolean()
        .optional()
        .meta({ description: "execute: permit plain HTTP and unverified TLS", group: "safety" }),
      yes: z.boolean().optional().meta({ description: "Approve execute in advance", group: "safety" }),
      ...targetFields(z),
    }),
  output: (z) =>
    z.strictObject({
      action: z.string(),
      events: z.array(
        z.strictObject({
          id: z.string(),
          outbox: z.string(),
          created_at: z.string(),
          consumed: z.boolean(),
          payload_bytes: z.int(),
          payload: z.unknown().optional(),
          headers: z.unknown().optional(),
        }),
      ),
      delivered: z.int(),
      dead_letters: z.int(),
    }),
  run: async (input, context): Promise<ReplayOutput> => {
    const { action, outbox, pipeline, toId } = input;
    if (action === "preview") {
      if (outbox === undefined) throw missing("preview", "--outbox NAME");
      return withTide(input, context, (session) => previewReplay(session, { ...input, outbox }));
    }
    if (pipeline === undefined) throw missing("execute", "--pipeline NAME");
    if (toId === undefined) throw missing("execute", "--to-id ID");
    const server = await serverOf(input, context);
    return executeReplay(server, { ...input, pipeline, toId }, context);
  },
});

function missing(action: string, flag: string): PgkeepError {
  return new PgkeepError("USAGE_ARGUMENTS", `relay replay ${action} needs ${flag.split(" ")[0]}`, {
    hint: `Write pgkeep relay replay ${action} ${flag}; --help after it shows more.`,
  });
}
