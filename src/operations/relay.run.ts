/** `pgkeep relay run`: delivers events until it is told to stop. */
import { EXIT, PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import type { RelaySummary } from "../relay/engine/options.ts";
import { runFields } from "./relay/run-input.ts";
import { runRelayProcess } from "./relay/running.ts";
import { targetFields } from "./relay/tide.ts";
import { serverOf } from "./server/connect.ts";

export default defineOperation({
  name: "relay.run",
  summary: "Deliver events of the outboxes, and take events into the inboxes",
  description:
    "Runs every enabled pipeline that no other relay of the group owns, until SIGTERM or SIGINT; then it finishes what is " +
    "under way and ends with 0. SIGHUP reads the configuration and rotated secrets again. Nothing is delivered before it is " +
    "durable, and nothing is recorded as delivered before the receiver has taken it. Refuses to run as a superuser.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay run",
    exitCodes: [10, 11, 13, 23],
    examples: [
      { line: "pgkeep relay run -d shop -U relay", does: "run until stopped, metrics on 127.0.0.1:9090" },
      { line: "pgkeep relay run -d shop -U relay --until-idle --fail-on-dead", does: "deliver what is due, for CI" },
      {
        line: "pgkeep relay run -d shop --pipeline orders --ssrf-allow 10.1.0.0/16",
        does: "one pipeline, to a private network",
      },
    ],
  },
  input: (z) => z.strictObject({ ...runFields(z), ...targetFields(z) }),
  output: (z) =>
    z.strictObject({
      ended: z.enum(["stopped", "idle"]).meta({ description: "Told to stop, or nothing was left (--until-idle)" }),
      delivered: z.int(),
      stored: z.int().meta({ description: "Events taken into inboxes" }),
      dead_letters: z.int(),
      pipelines: z.array(
        z.strictObject({
          pipeline: z.string(),
          direction: z.enum(["forward", "reverse"]),
          state: z.string(),
          reason: z.string().nullable(),
        }),
      ),
    }),
  run: async (input, context) => {
    const server = await serverOf(input, context);
    const summary = await runRelayProcess(input, server, context);
    const output = outputOf(summary, context.signal.aborted);
    refuseForced(summary, output);
    refuseTimeout(context.signal, output);
    if (input.failOnDead && summary.deadLetters > 0) {
      throw new PgkeepError("RELAY_DEAD_LETTERS", `${summary.deadLetters} events became dead letters`, {
        hint: "Look at them: pgkeep relay dlq list",
        state: "everything else was delivered and recorded",
        data: output,
      });
    }
    return output;
  },
  // Whoever ends a relay that runs for ever asked for nothing but its end.
  exitCode: ({ ended, pipelines }) =>
    ended === "idle" && pipelines.some(({ state }) => state === "failed") ? EXIT.failed : EXIT.ok,
});

function outputOf({ delivered, stored, deadLetters, pipelines }: RelaySummary, isTold: boolean) {
  return {
    ended: isTold ? ("stopped" as const) : ("idle" as const),
    delivered,
    stored,
    dead_letters: deadLetters,
    pipelines: pipelines.map(({ name, direction, state, reason }) => ({
      pipeline: name,
      direction,
      state,
      reason: reason ?? null,
    })),
  };
}

/** SIGTERM is how a relay ends; a --timeout that passed is told, as everywhere. */
function refuseTimeout({ reason }: AbortSignal, data: Readonly<Record<string, unknown>>): void {
  if (!(reason instanceof PgkeepError) || reason.code !== "COMMAND_TIMEOUT") return;
  throw new PgkeepError("COMMAND_TIMEOUT", "the command's timeout passed", {
    state: "everything that was sent is recorded",
    data,
  });
}

function refuseForced({ forced }: RelaySummary, data: Readonly<Record<string, unknown>>): void {
  if (forced.length === 0) return;
  throw new PgkeepError("RELAY_FORCED", `${forced.length} pipelines had not finished in time and were ended`, {
    detail: `Ended: ${forced.join(", ")}.`,
    hint: "Give them more time with --drain-timeout.",
    state: "what was sent and not recorded will be sent again, with the same ids",
    data,
  });
}
