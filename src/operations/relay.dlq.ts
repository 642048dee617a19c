/** `pgkeep relay dlq list|show|edit|retry|discard|export`: what could not be delivered. */
import { PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { type DlqOutput, runDlq } from "./relay/dlq.ts";
import { targetFields, withTide } from "./relay/tide.ts";

export default defineOperation({
  name: "relay.dlq",
  summary: "List, show, edit, retry, discard and export dead letters",
  description:
    "Dead letters are meant by their numbers or by --match, conditions that must all hold: pipeline=orders " +
    "kind=sink_permanent attempts>3 error~timeout failed<2026-03-01T00:00:00Z. What is done to more than one needs --yes; " +
    "--preview shows what would be meant. retry delivers again with the same dedup key, and the letter is settled only when " +
    "the receiver has taken it. discard and edit need a reason. Who did what, when and why stays in the record.",
  effects: "destructive",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay dlq",
    positionals: ["action", "ids?"],
    list: "dead_letters",
    formats: ["csv"],
    exitCodes: [10, 11, 12, 13],
    examples: [
      { line: "pgkeep relay dlq list -d shop", does: "what waits, the oldest first" },
      { line: "pgkeep relay dlq show 42 -d shop", does: "one, with its history" },
      { line: "pgkeep relay dlq retry 42 43 --yes -d shop", does: "deliver them again" },
      {
        line: "pgkeep relay dlq retry --match 'pipeline=orders error~timeout' --preview -d shop",
        does: "which would it be",
      },
      { line: "pgkeep relay dlq discard 42 --reason 'test order' -d shop", does: "settle it without delivering" },
    ],
  },
  input: (z) =>
    z.strictObject({
      action: z.enum(["list", "show", "edit", "retry", "discard", "export"]).meta({ description: "What to do" }),
      ids: z.array(z.string()).optional().meta({ description: "Numbers of dead letters" }),
      match: z.string().optional().meta({ description: "Conditions instead of numbers", valueName: "CONDITIONS" }),
      preview: z.boolean().optional().meta({ description: "Show what is meant and change nothing" }),
      limit: z.int().min(1).max(100_000).default(100).meta({ description: "Most to show or change", valueName: "N" }),
      all: z.boolean().optional().meta({ description: "Settled ones too (list, export)" }),
      showPayload: z
        .boolean()
        .optional()
        .meta({ description: "Print payload and headers (show, export)", group: "output" }),
      payload: z
        .string()
        .optional()
        .meta({ description: "edit: the new payload, JSON; - is standard input", valueName: "JSON" }),
      headers: z.string().optional().meta({ description: "edit: the new headers, a JSON object", valueName: "JSON" }),
      ifVersion: z
        .int()
        .min(1)
        .optional()
        .meta({ description: "edit: only while it has the version that show told", valueName: "N" }),
      reason: z.string().optional().meta({ description: "Why (edit, discard)", valueName: "TEXT" }),
      yes: z.boolean().optional().meta({ description: "Approve a change of more than one", group: "safety" }),
      ...targetFields(z),
    }),
  output: (z) =>
    z.strictObject({
      action: z.string(),
      dead_letters: z.array(
        z.strictObject({
          id: z.int(),
          pipeline: z.string(),
          direction: z.string(),
          source: z.string(),
          sink: z.string(),
          dedup_key: z.string(),
          subject: z.string().nullable(),
          outbox_id: z.string().nullable(),
          kind: z.string(),
          error: z.string(),
          attempts: z.int(),
          first_failed_at: z.string(),
          last_failed_at: z.string(),
          status: z.enum(["waiting", "queued", "settled"]).meta({ description: "queued: will be delivered again" }),
          settled_by: z.string().nullable(),
          version: z.int().meta({ description: "Grows with each edit" }),
          payload_bytes: z.int(),
          payload: z.unknown().optional().meta({ description: "With --show-payload" }),
          headers: z.unknown().optional(),
          history: z
            .array(
              z.strictObject({ at: z.string(), action: z.string(), actor: z.string(), reason: z.string().nullable() }),
            )
            .optional(),
        }),
      ),
      matched: z.int().meta({ description: "How many there are in all" }),
      changed: z.int(),
    }),
  run: async (input, context): Promise<DlqOutput> => {
    const ids = input.ids ?? [];
    const bad = ids.find((id) => !/^\d{1,18}$/.test(id));
    if (bad !== undefined)
      throw new PgkeepError("USAGE_ARGUMENTS", "a dead letter is named by its number", {
        hint: "Write pgkeep relay dlq show 42; list shows the numbers.",
      });
    return withTide(input, context, (session) => runDlq(session, { ...input, ids }, context));
  },
});
