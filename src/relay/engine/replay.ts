/**
 * Delivers a range of events again, on request, through the same shaping and sink as the live pipeline.
 *
 * Positions are kept under a group of its own, "replay:<pipeline>", and so are lease and lock: the live pipeline goes on
 * meanwhile and its position stays where it is. A replay always begins where it is told to, so that repeating the command
 * repeats the delivery; receivers know the events by their first ids. Two replays of one pipeline do not run at once.
 */
import { randomUUID } from "node:crypto";
import { PgkeepError } from "../../base/errors.ts";
import type { Session } from "../../pg/session.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { type CatalogPipeline, discoverPipelines } from "../store/catalog.ts";
import { NO_CHORES } from "../store/chores.ts";
import { countEvents } from "../store/outbox-pages.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import { catalogueParts } from "./catalogue-parts.ts";
import { type ForwardOptions, ForwardWorker } from "./forward.ts";
import { type OwnedLease, takeLease } from "./lease.ts";
import { Lookout } from "./lookout.ts";
import { MemoryBudget } from "./memory.ts";
import type { RelayOptions, RelaySummary } from "./options.ts";
import { OwnedPipeline } from "./owned-pipeline.ts";
import type { RelayParts } from "./parts.ts";
import { PipelineStatus, type Totals } from "./pipeline-status.ts";
import type { WorkerContext } from "./worker.ts";

export interface ReplayRequest {
  pipeline: string;
  /** First and last id, both included. */
  fromId: bigint;
  toId: bigint;
  batchSize: number;
}

/** 16 MiB: one pipeline, one page ahead. */
const MEMORY_BYTES = 16 * 1024 * 1024;

/**
 * Runs until the range is delivered or `options.signal` aborts.
 *
 * Throws RELAY_REPLAY_REFUSED (disabled, reverse, fan-in, nothing there, another replay runs) and
 * RELAY_PIPELINE_UNKNOWN, before anything was sent.
 */
export async function runReplay(
  options: RelayOptions,
  request: ReplayRequest,
  parts: RelayParts = catalogueParts,
): Promise<RelaySummary> {
  const pipeline = await replayable(options, request, parts);
  const key = replayKey(pipeline);
  const lease = await take(options, key);
  const totals: Totals = { delivered: 0, stored: 0, deadLetters: 0 };
  const status = new PipelineStatus(rowOf(pipeline), options, totals);
  const range = { after: request.fromId - 1n, upTo: request.toId };
  const workerOf = (context: WorkerContext) => replayWorker({ context, parts, key, members: [pipeline], range });
  const owned = new OwnedPipeline({ options: { ...options, untilIdle: true }, pipeline, lease, status, workerOf });
  const stop = () => owned.stop(options.drainTimeoutMs);
  options.signal.addEventListener("abort", stop, { once: true });
  const ending = await owned.ended;
  options.signal.removeEventListener("abort", stop);
  if (ending.how === "failed") throw ending.error;
  const { state, reason } = status.current;
  return {
    ...totals,
    forced: ending.how === "forced" ? [pipeline.name] : [],
    pipelines: [{ name: pipeline.name, direction: "forward", state, reason }],
  };
}

function replayWorker(what: Pick<ForwardOptions, "context" | "parts" | "key" | "members" | "range">): ForwardWorker {
  const { clock } = what.context.options;
  return new ForwardWorker({
    ...what,
    memory: new MemoryBudget(MEMORY_BYTES),
    lookout: new Lookout(() => clock.monotonicMs()),
    strategy: undefined,
    isGated: false,
    chores: () => NO_CHORES,
  });
}

function replayKey({ name, tenant }: Pipeline): PipelineKey {
  return { group: `replay:${name}`, tenant, direction: "forward", pipeline: name };
}

const rowOf = ({ name, direction, tenant }: Pipeline) => ({
  name,
  direction,
  tenant,
  enabled: true,
  config: "{}",
  wireFormat: "native",
  owner: null,
});

async function replayable(options: RelayOptions, request: ReplayRequest, parts: RelayParts): Promise<Pipeline> {
  const { pipeline: name, batchSize } = request;
  await using session = await options.openDatabase();
  const found = await discoverPipelines(session, { tenant: options.tenant, only: [name] });
  const forward = found.find(({ row }) => row.direction === "forward");
  if (found.length === 0) {
    throw new PgkeepError("RELAY_PIPELINE_UNKNOWN", `there is no pipeline "${name}"`, {
      hint: "pgkeep relay pipelines lists those that your role may see.",
      state: "nothing was delivered",
    });
  }
  if (forward === undefined) throw refusal("only forward pipelines can be replayed", `"${name}" receives events.`);
  await refuseOthers(session, forward, request);
  const pipeline = await parts.readPipeline(forward.row);
  return { ...pipeline, batchSize };
}

async function refuseOthers(session: Session, found: CatalogPipeline, { fromId, toId }: ReplayRequest): Promise<void> {
  const { row, members } = found;
  if (!row.enabled) throw refusal(`pipeline "${row.name}" is disabled`, "Its events are not to be delivered now.");
  if (members.length > 1) throw refusal("a fan-in cannot be replayed", "Ids of its outboxes are not told apart.");
  if ((await countEvents(session, { pipeline: row.name, fromId, toId })) > 0) return;
  throw refusal("there are no events in that range", `Nothing between ${fromId} and ${toId} is kept any more, or yet.`);
}

async function take(options: RelayOptions, key: PipelineKey): Promise<OwnedLease> {
  const taken = await takeLease({ key, token: randomUUID(), options });
  if ("lease" in taken) return taken.lease;
  throw refusal("another replay of this pipeline runs", `It is run by ${taken.heldBy ?? "somebody else"}.`);
}

function refusal(message: string, detail: string): PgkeepError {
  return new PgkeepError("RELAY_REPLAY_REFUSED", message, {
    detail,
    hint: "pgkeep relay replay preview shows what there is.",
    state: "nothing was delivered",
  });
}
