/**
 * A relay's events as entries of its log: names and numbers, never a payload, a header or a resolved reference.
 *
 * Fields are those that log pipelines around pg_tide already read, in snake_case. What happens many times a second is
 * "debug"; what a person on call wants to see is "info" or more.
 */
import type { ProgressEvent } from "../../base/operation.ts";
import { scrub } from "../../base/secrets.ts";
import type { RelayEvent } from "../engine/events.ts";
import { FAILURE_CLASSES } from "../failures.ts";

export type RelayLogLevel = "error" | "warn" | "info" | "debug";

export interface RelayLogEntry extends ProgressEvent {
  level: RelayLogLevel;
}

type EventOf<Type extends RelayEvent["type"]> = Extract<RelayEvent, { type: Type }>;

/** pg_tide's name for every step that moves events on. */
const TRANSITION = "PGTIDE_DELIVERY_TRANSITION";

/** The entry for `event`; undefined for what only counts (metrics) and tells a reader nothing. */
export function logEntryOf(event: RelayEvent, group: string): RelayLogEntry | undefined {
  switch (event.type) {
    case "relay.batch_settled":
      return batchEntry(event, group);
    case "relay.state":
      return stateEntry(event, group);
    case "relay.ownership":
      return ownershipEntry(event, group);
    case "relay.checkpoint":
      return checkpointEntry(event, group);
    case "relay.stored":
      return storedEntry(event, group);
    case "relay.dead_letters":
      return deadLettersEntry(event, group);
    case "relay.held":
      return heldEntry(event, group);
    case "relay.error":
      return errorEntry(event, group);
    case "relay.listening":
      return { type: event.type, level: "info", what: event.what, address: event.address, pipeline: event.pipeline };
    case "relay.reconciled":
      return reconciledEntry(event, group);
    case "relay.warning":
      return { ...ofPipeline(event, group), level: "warn", message: scrub(event.message) };
    case "relay.stopping":
      return { type: event.type, level: "info", reason: scrub(event.reason) };
    case "relay.stopped":
      return { type: event.type, level: event.forced.length > 0 ? "error" : "info", forced: event.forced };
    case "relay.polled":
    case "relay.lag":
    case "relay.connections":
      return undefined;
  }
}

function ofPipeline(
  event: { type: string; pipeline: string; direction: string; tenant: string },
  group: string,
): { type: string; pipeline: string; relay_group: string; direction: string; tenant: string } {
  const { type, pipeline, direction, tenant } = event;
  return { type, pipeline, relay_group: group, direction, tenant };
}

function batchEntry(event: EventOf<"relay.batch_settled">, group: string): RelayLogEntry {
  const { failure, connector, direction } = event;
  return {
    ...ofPipeline(event, group),
    level: failure ? "warn" : "debug",
    event_code: TRANSITION,
    source: direction === "forward" ? "outbox" : connector,
    sink: direction === "forward" ? connector : "inbox",
    batch: event.batch,
    batch_size: event.messages,
    stage: failure ? "publish_failed" : "sink_acknowledged",
    outcome: failure ? failure.class : "ok",
    // A batch that failed as a whole may have arrived in part.
    duplicate_risk: failure !== undefined && event.retried > 0,
    delivered: event.delivered,
    retried: event.retried,
    dead: event.dead,
    dropped: event.dropped,
    bytes: event.bytes,
    attempt: event.attempt,
    duration_ms: Math.round(event.durationMs),
    ...(failure ? { error_code: FAILURE_CLASSES[failure.class].code, error_summary: scrub(failure.reason) } : {}),
  };
}

const LOUD: ReadonlySet<string> = new Set(["retrying", "breaker_open", "failed"]);

function stateEntry(event: EventOf<"relay.state">, group: string): RelayLogEntry {
  const { state, code, reason, nextRetryMs } = event;
  const isRoutine = state === "running" || state === "idle";
  return {
    ...ofPipeline(event, group),
    level: state === "failed" ? "error" : LOUD.has(state) ? "warn" : isRoutine ? "debug" : "info",
    state,
    ...(code === undefined ? {} : { error_code: code }),
    ...(reason === undefined ? {} : { error_summary: scrub(reason) }),
    ...(nextRetryMs === undefined ? {} : { sleep_ms: Math.round(nextRetryMs) }),
  };
}

function ownershipEntry(event: EventOf<"relay.ownership">, group: string): RelayLogEntry {
  return {
    ...ofPipeline(event, group),
    level: event.event === "denied" ? "debug" : event.event === "lost" ? "warn" : "info",
    ownership: event.event,
    epoch: event.epoch.toString(),
  };
}

function checkpointEntry(event: EventOf<"relay.checkpoint">, group: string): RelayLogEntry {
  return {
    ...ofPipeline(event, group),
    level: "debug",
    event_code: TRANSITION,
    stage: "checkpoint_committed",
    outcome: "ok",
    position: event.position.toString(),
    duration_ms: Math.round(event.durationMs),
  };
}

function storedEntry(event: EventOf<"relay.stored">, group: string): RelayLogEntry {
  const { stored, duplicates, rejected } = event;
  return {
    ...ofPipeline(event, group),
    level: rejected > 0 ? "warn" : "debug",
    event_code: TRANSITION,
    stage: "inbox_committed",
    outcome: rejected > 0 ? "rejected" : "ok",
    stored,
    duplicates,
    rejected,
  };
}

function deadLettersEntry(event: EventOf<"relay.dead_letters">, group: string): RelayLogEntry {
  return {
    ...ofPipeline(event, group),
    level: "warn",
    stage: "dlq_persisted",
    count: event.count,
    kind: event.kind,
  };
}

/** 10 s: transactions of applications end sooner. */
const HELD_WARN_MS = 10_000;

function heldEntry(event: EventOf<"relay.held">, group: string): RelayLogEntry {
  return {
    ...ofPipeline(event, group),
    level: event.sinceMs > HELD_WARN_MS ? "warn" : "debug",
    held_by_pid: event.processId ?? null,
    held_ms: Math.round(event.sinceMs),
  };
}

function errorEntry(event: EventOf<"relay.error">, group: string): RelayLogEntry {
  return {
    ...ofPipeline(event, group),
    level: event.isTransient ? "warn" : "error",
    component: event.component,
    error_code: event.code,
    error_class: event.isTransient ? "transient" : "permanent",
    error_summary: scrub(event.reason),
  };
}

function reconciledEntry(event: EventOf<"relay.reconciled">, group: string): RelayLogEntry {
  return {
    type: event.type,
    level: "debug",
    relay_group: group,
    owned: event.owned,
    pipelines: event.pipelines,
    duration_ms: Math.round(event.durationMs),
  };
}
