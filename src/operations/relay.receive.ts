/** `pgkeep relay receive`: takes events out of an inbox, prints them, and marks them processed. */
import { defineOperation } from "../base/operation.ts";
import { claimEvents, type InboxEvent, settleEvents } from "./relay/inbox.ts";
import { targetFields, withTide } from "./relay/tide.ts";

export default defineOperation({
  name: "relay.receive",
  summary: "Take events from an inbox, print them, and acknowledge them",
  description:
    "Claims events so that nobody else gets them for the time of the lease, and prints one JSON object per line. With " +
    "--ack they are marked processed after they were printed; without, they come again when the lease has passed. --done and " +
    "--failed settle events that were received before.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay receive",
    positionals: ["inbox"],
    list: "events",
    exitCodes: [10, 11, 13],
    examples: [
      { line: "pgkeep relay receive payments -d shop", does: "look at up to 10 events, which come again" },
      { line: "pgkeep relay receive payments --batch 100 --ack -d shop", does: "take up to 100 for good" },
      {
        line: "pgkeep relay receive payments --failed evt_1 --reason 'no such order' -d shop",
        does: "count a failure",
      },
    ],
  },
  input: (z) =>
    z.strictObject({
      inbox: z.string().meta({ description: "Name of the inbox" }),
      batch: z.int().min(1).max(1000).default(10).meta({ description: "Most events to claim", valueName: "N" }),
      lease: z
        .int()
        .min(1)
        .max(86_400)
        .default(30)
        .meta({ description: "Seconds until unacknowledged events come again", valueName: "SECONDS" }),
      ack: z.boolean().optional().meta({ description: "Mark the events processed once they were printed" }),
      done: z
        .array(z.string())
        .optional()
        .meta({ description: "Mark this event processed; repeatable", valueName: "ID" }),
      failed: z
        .array(z.string())
        .optional()
        .meta({ description: "Count a failure of this event; repeatable", valueName: "ID" }),
      reason: z.string().optional().meta({ description: "Why it failed, stored with the event", valueName: "TEXT" }),
      ...targetFields(z),
    }),
  output: (z) =>
    z.strictObject({
      events: z.array(
        z.strictObject({
          event_id: z.string(),
          source: z.string().nullable(),
          received_at: z.string().nullable(),
          retry_count: z.int(),
          headers: z.unknown(),
          payload: z.unknown(),
        }),
      ),
      acknowledged: z.int(),
      failed: z.int(),
    }),
  run: (input, context) =>
    withTide(input, context, async (session) => {
      const { inbox, batch, lease, ack = false, done = [], failed = [], reason = "" } = input;
      if (done.length + failed.length > 0) {
        await settleEvents(session, { inbox, done, failed, reason });
        return { events: [], acknowledged: done.length, failed: failed.length };
      }
      const events: InboxEvent[] = await claimEvents(session, { inbox, batch, leaseSeconds: lease });
      // Said before they are settled: what was not printed must come again.
      for (const event of events) context.report({ type: "relay.received", ...event });
      if (ack) await settleEvents(session, { inbox, done: events.map((event) => event.event_id), failed: [], reason });
      return { events, acknowledged: ack ? events.length : 0, failed: 0 };
    }),
});
