/** `pgkeep relay status`: every pipeline on one line. */
import { defineOperation } from "../base/operation.ts";
import { PIPELINE_STATES, readStatus } from "./relay/status.ts";
import { targetFields, withTide } from "./relay/tide.ts";

export default defineOperation({
  name: "relay.status",
  summary: "Show how the pipelines are",
  description:
    "Asks the database, so it works from anywhere and shows the pipelines of every relay process. A pipeline whose owner " +
    "was not heard of for two minutes is unknown, never healthy. Rates and times are those of the last minute.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "relay status",
    list: "pipelines",
    exitCodes: [10, 11, 13],
    examples: [
      { line: "pgkeep relay status -d shop", does: "all pipelines" },
      { line: "pgkeep relay status -d shop --json", does: "for a script" },
    ],
  },
  input: (z) => z.strictObject({ ...targetFields(z) }),
  output: (z) =>
    z.strictObject({
      pipelines: z.array(
        z.strictObject({
          pipeline: z.string(),
          direction: z.string(),
          tenant: z.string(),
          enabled: z.boolean(),
          relay_group: z.string().nullable(),
          state: z.enum(PIPELINE_STATES),
          ownership: z.string(),
          lag: z.number().nullable(),
          oldest_age_ms: z.number().nullable(),
          delivered_per_second: z.number().nullable(),
          p95_ms: z.number().nullable().meta({ description: "From publishing to acknowledgement" }),
          dead_letters: z.number(),
          last_offset: z.string().nullable(),
          last_delivery_at: z.string().nullable(),
          last_error: z
            .strictObject({
              code: z.string(),
              component: z.string().nullable(),
              class: z.string().nullable(),
              at: z.string().nullable(),
            })
            .nullable(),
          retry_attempt: z.number().nullable(),
          next_retry_ms: z.number().nullable(),
          last_update_age_ms: z.number().nullable().meta({ description: "How old this information is" }),
          held_by: z
            .strictObject({
              pid: z.number().nullable().meta({ description: "Process of the server; null if prepared or hidden" }),
              prepared: z.string().nullable().meta({ description: "Name of a prepared transaction" }),
              since_ms: z.number().nullable(),
            })
            .nullable()
            .meta({ description: "The oldest open transaction that holds later events back" }),
        }),
      ),
      reason: z.string().nullable().meta({ description: "Why ages and rates are unknown" }),
    }),
  run: (input, context) => withTide(input, context, readStatus),
});
