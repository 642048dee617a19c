/**
 * The worker of a forward pipeline: one loop per outbox it reads, over one lease and one session.
 *
 * Most pipelines read one outbox. A fan-in reads several, each with a position of its own; with "priority" an outbox is
 * read only while those before it have nothing waiting. A pipeline that depends on others asks before each page.
 */
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Chores } from "../store/chores.ts";
import { isReady, readPosition } from "../store/outbox-pages.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import { runBackfills } from "./backfill.ts";
import { ForwardLoop, type LoopOptions } from "./forward-loop.ts";
import type { Lookout } from "./lookout.ts";
import type { MemoryBudget } from "./memory.ts";
import type { RelayParts } from "./parts.ts";
import { SchemaWatch } from "./schema-watch.ts";
import type { Worker, WorkerContext } from "./worker.ts";

export interface ForwardOptions {
  context: WorkerContext;
  parts: Pick<RelayParts, "openOutlet">;
  memory: MemoryBudget;
  lookout: Lookout;
  key: PipelineKey;
  /** The pipeline itself, or each outbox of a fan-in. */
  members: readonly Pipeline[];
  strategy: string | undefined;
  isGated: boolean;
  /** What there is to do besides new events. */
  chores: () => Chores;
  /** A replay: only these events, whatever the position is, and no dead letters again. */
  range: { after: bigint; upTo: bigint } | undefined;
}

export class ForwardWorker implements Worker {
  readonly #options: ForwardOptions;
  readonly #loops = new Map<string, ForwardLoop>();
  #wasReady = true;

  constructor(options: ForwardOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { members, range } = this.#options;
    const each: LoopOptions[] = [];
    for (const member of members) each.push(await this.#loopOptions(member));
    for (const options of each) this.#loops.set(options.outbox, new ForwardLoop(options));
    await this.#listen();
    const loops = [...this.#loops.values()];
    const failAll = (error: unknown): never => {
      for (const loop of loops) loop.fail(error);
      throw error;
    };
    const runs = loops.map((loop) => loop.run().catch(failAll));
    const [only] = each;
    if (only !== undefined && members.length === 1 && range === undefined)
      runs.push(this.#backfill(only).catch(failAll));
    try {
      await Promise.all(runs);
    } finally {
      await Promise.allSettled(runs);
      await Promise.all(loops.map((loop) => loop.close()));
    }
  }

  #backfill(loop: LoopOptions): Promise<void> {
    const { chores, key } = this.#options;
    return runBackfills({ loop, isDue: () => chores().backfill.has(key.pipeline) });
  }

  async #loopOptions(member: Pipeline): Promise<LoopOptions> {
    const { context, parts, memory, lookout, key, range } = this.#options;
    const outbox = member.outbox ?? "";
    const own: WorkerContext = { ...context, pipeline: this.#ordered(member) };
    const { group, pipeline } = key;
    const position = await context.lease.use((session) => readPosition(session, { group, pipeline, outbox }));
    return {
      context: own,
      memory,
      lookout,
      key,
      outbox,
      outlet: await parts.openOutlet(own),
      start: range?.after ?? position,
      lastId: range?.upTo,
      withReceipts: true,
      redelivers: () => this.#redelivers(),
      keepsPosition: true,
      schemas: range === undefined ? watchOf(own) : undefined,
      mayRead: this.#admission(outbox),
    };
  }

  /** "subject_hash": the lane of an event is chosen by its subject, so that events of one subject follow each other. */
  #ordered(member: Pipeline): Pipeline {
    if (this.#options.strategy !== "subject_hash" || member.orderKey !== undefined) return member;
    return { ...member, orderKey: "subject" };
  }

  #redelivers(): "all" | "own" | "none" {
    const { chores, members, key } = this.#options;
    if (!chores().letters.has(key.pipeline)) return "none";
    return members.length > 1 ? "own" : "all";
  }

  #admission(outbox: string): (() => Promise<boolean>) | undefined {
    const { strategy, isGated } = this.#options;
    if (isGated) return () => this.#isReady();
    if (strategy !== "priority") return undefined;
    return async () => this.#before(outbox).every((loop) => loop.isAtRest);
  }

  /** Loops of outboxes that come first. */
  #before(outbox: string): ForwardLoop[] {
    const names = [...this.#loops.keys()];
    return [...this.#loops.values()].slice(0, names.indexOf(outbox));
  }

  async #isReady(): Promise<boolean> {
    const { context, key } = this.#options;
    const ready = await context.lease.use((session) => isReady(session, key));
    if (ready !== this.#wasReady) {
      context.voice.state(ready ? "running" : "paused", ready ? {} : { reason: "waits for another pipeline" });
    }
    this.#wasReady = ready;
    return ready;
  }

  async #listen(): Promise<void> {
    await this.#options.context.lease.use(async (session) => {
      session.onNotification(({ channel, payload }) => {
        if (channel === "tide_outbox_new") this.#loops.get(payload)?.notified();
      });
      // Pages are read in READ COMMITTED, whatever the role or database prefers.
      await session.script("set default_transaction_isolation = 'read committed'; listen tide_outbox_new");
    });
  }
}

/** What a pipeline asks for that wants to know when its events change. */
function watchOf(context: WorkerContext): SchemaWatch | undefined {
  const policy = context.pipeline.onSchemaChange;
  return policy && new SchemaWatch({ context, policy });
}
