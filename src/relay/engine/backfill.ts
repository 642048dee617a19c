/**
 * Delivers history of a pipeline again, beside its live events: chunk by chunk, through the same shaping and a sink of its
 * own, under the events' first ids.
 *
 *   looking     every so often, when the coordinator says that there are jobs
 *   delivering  one chunk is claimed, delivered by a loop of its own that keeps no position, and recorded in the job
 *
 * A crash repeats the chunk. The live pipeline's position and order are not touched; what is refused becomes a dead letter
 * of the pipeline as usual.
 */
import { sleep } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import type { Sink } from "../sinks/sink.ts";
import { type BackfillChunk, failChunk, finishChunk, keepChunk, nextChunk } from "../store/backfills.ts";
import { ForwardLoop, type LoopOptions } from "./forward-loop.ts";
import type { Outlet } from "./parts.ts";
import type { Lease } from "./worker.ts";

const LOOK_MS = 4_000;
const CLAIM_SECONDS = 60;
const KEEP_MS = 20_000;

export interface BackfillOptions {
  /** As for the live loop; range and position are the chunk's. */
  loop: LoopOptions;
  /** Whether there are jobs for this pipeline. */
  isDue(): boolean;
}

/** Runs until the worker stops. Throws what ends the worker. */
export async function runBackfills({ loop, isDue }: BackfillOptions): Promise<void> {
  const { stop, end, options } = loop.context;
  const outlet = new KeptOutlet(loop.outlet);
  const over = AbortSignal.any([stop, end]);
  try {
    while (!over.aborted) {
      const chunk = isDue() ? await claim(loop) : undefined;
      if (chunk !== undefined) await deliver(chunk, { ...loop, outlet });
      else if (options.untilIdle && !isDue()) return;
      else await sleep(LOOK_MS, over).catch(() => undefined);
    }
  } finally {
    await outlet.close();
  }
}

function claim({ context, key }: LoopOptions): Promise<BackfillChunk | undefined> {
  const { label } = context.options;
  const request = { worker: label, pipeline: key.pipeline, leaseSeconds: CLAIM_SECONDS };
  return context.lease.use((session) => nextChunk(session, request));
}

async function deliver(chunk: BackfillChunk, options: LoopOptions): Promise<void> {
  const { lease, end } = options.context;
  if (chunk.outbox !== options.outbox) {
    const reason = `the pipeline reads outbox "${tameLine(options.outbox)}"`;
    await lease.use((session) => failChunk(session, chunk, reason));
    return;
  }
  const loop = new ForwardLoop({
    ...options,
    start: chunk.after,
    lastId: chunk.upTo,
    redelivers: () => "none",
    keepsPosition: false,
    schemas: undefined,
    mayRead: undefined,
  });
  const over = new AbortController();
  const keeping = keepClaim(chunk, { loop, lease, signal: AbortSignal.any([over.signal, end]) });
  try {
    await loop.run();
    if (loop.isComplete) await lease.use((session) => finishChunk(session, chunk));
  } finally {
    over.abort();
    await keeping;
    await loop.close();
  }
}

interface ChunkWork {
  loop: ForwardLoop;
  lease: Lease;
  signal: AbortSignal;
}

/** A chunk that waits for a sink stays ours. */
async function keepClaim(chunk: BackfillChunk, { loop, lease, signal }: ChunkWork): Promise<void> {
  try {
    for (;;) {
      await sleep(KEEP_MS, signal);
      const isOurs = await lease.use((session) => keepChunk(session, chunk, CLAIM_SECONDS));
      if (!isOurs) loop.halt();
    }
  } catch (error) {
    if (!signal.aborted) loop.fail(new Error(`a claim could not be kept: ${messageOf(error)}`));
  }
}

/** Keeps the sink open from chunk to chunk. */
class KeptOutlet implements Outlet {
  readonly shape: Outlet["shape"];
  readonly sinkType: string;
  readonly lanes: number;
  readonly limits: Outlet["limits"];
  readonly #outlet: Outlet;
  #sink: Sink | undefined;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
    this.shape = outlet.shape;
    this.sinkType = outlet.sinkType;
    this.lanes = outlet.lanes;
    this.limits = outlet.limits;
  }

  async openSink(): Promise<Sink> {
    const sink = this.#sink ?? (await this.#outlet.openSink());
    this.#sink = sink;
    return {
      send: async (batch, signal) => {
        try {
          return await sink.send(batch, signal);
        } catch (error) {
          // Lost: the next one opens it again.
          await this.close();
          throw error;
        }
      },
      close: async () => undefined,
    };
  }

  async close(): Promise<void> {
    const sink = this.#sink;
    this.#sink = undefined;
    await sink?.close();
  }
}
