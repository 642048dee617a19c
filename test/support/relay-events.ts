/** Events of a relay, one of each kind at least, as examples for what is made from them. */
import type { Clock } from "../../src/base/clock.ts";
import type { RelayEvent } from "../../src/relay/engine/events.ts";

export const ofPipeline = { pipeline: "orders", direction: "forward", tenant: "default" } as const;
export const ofReverse = { pipeline: "mail-in", direction: "reverse", tenant: "default" } as const;

/** A clock that stands still until it is moved. */
export function heldClock(): Clock & { move(ms: number): void } {
  let ms = 0;
  return {
    now: () => new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + ms),
    monotonicMs: () => ms,
    move: (by) => {
      ms += by;
    },
  };
}

export function exampleEvents(): RelayEvent[] {
  return [
    { type: "relay.reconciled", owned: 2, pipelines: 3, durationMs: 12, queries: 2 },
    { type: "relay.connections", open: 2, limit: 52, openedInMs: 4 },
    { type: "relay.ownership", event: "acquired", epoch: 3n, ...ofPipeline },
    { type: "relay.state", state: "running", ...ofPipeline },
    { type: "relay.polled", messages: 5, durationMs: 2, ...ofPipeline },
    {
      type: "relay.batch_settled",
      batch: "5f1c",
      connector: "webhook",
      messages: 5,
      delivered: 3,
      retried: 1,
      dead: 1,
      dropped: 1,
      bytes: 900,
      attempt: 1,
      durationMs: 41,
      latencyMs: { oldest: 90, newest: 50 },
      failure: { class: "protocol_rejection", reason: "the receiver at 10.0.0.5 said 422" },
      ...ofPipeline,
    },
    { type: "relay.dead_letters", count: 1, kind: "sink_permanent", ...ofPipeline },
    { type: "relay.checkpoint", position: 98n, durationMs: 3, receipts: 3, ...ofPipeline },
    { type: "relay.lag", lag: 12, oldestAgeMs: 800, deadLetters: 1, ...ofPipeline },
    { type: "relay.held", processId: 4711, sinceMs: 20_000, ...ofPipeline },
    { type: "relay.stored", stored: 4, duplicates: 2, rejected: 0, ...ofReverse },
    {
      type: "relay.error",
      component: "database",
      code: "PGTIDE_POSTGRES_UNAVAILABLE",
      reason: "gone",
      isTransient: true,
      ...ofReverse,
    },
    { type: "relay.error", component: "checkpoint", code: "X", reason: "y", isTransient: true, ...ofPipeline },
    { type: "relay.error", component: "dead_letters", code: "X", reason: "y", isTransient: true, ...ofPipeline },
    { type: "relay.warning", message: "an inline secret is used", ...ofPipeline },
    { type: "relay.listening", what: "metrics", address: "127.0.0.1:9090" },
    { type: "relay.stopping", reason: "SIGTERM" },
    { type: "relay.stopped", forced: ["orders"] },
  ];
}
