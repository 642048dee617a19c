/**
 * Decides which pipelines this process runs: reads the catalog, shares with the other relays of the group, takes leases,
 * starts and stops workers.
 *
 * Everything happens in `reconcile`, one at a time, every `takeoverIntervalMs` and at once when something happened (the
 * catalog changed, a worker ended, somebody asked for a reload):
 *
 *   catalog      rows are read when they may have changed; what is another one by now is drained (roster.ts), and taken
 *                again in the reconcile after it if it is still wanted
 *   glance       between two looks, whether something of the other relays has become free: an owner that died is
 *                replaced in less than a second
 *   share        more than a fair share and another relay wants some -> given back; less -> free ones are taken
 *                (sharing.ts)
 *   ended        a worker that failed is started again after growing pauses
 *   told         status rows, lag, what holds an outbox back
 *
 * The coordinator's own session decides nothing that matters: losing it costs discovery, while workers go on with
 * theirs. It is opened again with growing pauses.
 */
import { randomUUID } from "node:crypto";
import { sleep } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Session } from "../../pg/session.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { CatalogPipeline } from "../store/catalog.ts";
import { type Chores, NO_CHORES, readChores } from "../store/chores.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import { backoffMs } from "./backoff.ts";
import type { Entry } from "./entry.ts";
import { takeLease } from "./lease.ts";
import type { RelayOptions, RelaySummary } from "./options.ts";
import { type Ending, OwnedPipeline } from "./owned-pipeline.ts";
import type { RelayParts } from "./parts.ts";
import { diagnosisOf, type Totals } from "./pipeline-status.ts";
import { Roster } from "./roster.ts";
import { Sharing } from "./sharing.ts";
import { Telling } from "./telling.ts";
import { Upkeep } from "./upkeep.ts";
import type { Worker, WorkerContext } from "./worker.ts";

/** A worker that fails is started again after 1 s, 2 s, ... at random, at most 30 s. */
const RESTART = { firstMs: 1_000, maxMs: 30_000 };
/** A worker that has run for so long begins its pauses anew. */
const LASTING_MS = 60_000;
/** Until idle: a worker that has failed so often in a row fails the pipeline. */
const PATIENT_CRASHES = 5;
/** So many changes and endings in a row are one look. */
const REST_MS = 20;
/** A look that takes longer hangs on a connection that is gone: it is cut. */
const LOOK_LIMIT_MS = 30_000;
/** One query, while other relays own something; what is promised for taking over is a second. */
const GLANCE_MS = 500;
/** Until idle: pipelines that only wait for others are given up after so long. */
const STILL_MS = 2_000;
/** Leases asked for at the same time. */
const TAKEN_AT_ONCE = 8;

/** What a worker is for, besides its context. */
export interface WorkerRequest extends Pick<CatalogPipeline, "strategy" | "isGated"> {
  key: PipelineKey;
  members: readonly Pipeline[];
  /** What there is to do besides new events, as of the last look. */
  chores: () => Chores;
}

export interface CoordinatorOptions {
  options: RelayOptions;
  parts: RelayParts;
  workerOf(context: WorkerContext, what: WorkerRequest): Worker;
  /** Sessions that may still be opened. */
  sessionsLeft(): number;
}

export class Coordinator {
  readonly #options: RelayOptions;
  readonly #setup: CoordinatorOptions;
  readonly #token = randomUUID();
  readonly #telling: Telling;
  readonly #roster: Roster;
  readonly #sharing: Sharing;
  readonly #upkeep: Upkeep;
  readonly #totals: Totals = { delivered: 0, stored: 0, deadLetters: 0 };
  readonly #forced: string[] = [];
  #session: Session | undefined;
  #chores: Chores = NO_CHORES;
  #failures = 0;
  #catalogDueMs = 0;
  #stillSinceMs: number | undefined;
  #isPoked = false;
  #resume: (() => void) | undefined;
  #queries = 0;

  constructor(setup: CoordinatorOptions) {
    this.#setup = setup;
    const { options, parts } = setup;
    this.#options = options;
    this.#roster = new Roster(options, parts, this.#totals);
    const sessionsLeft = () => setup.sessionsLeft();
    this.#sharing = new Sharing({ options, roster: this.#roster, token: this.#token, sessionsLeft });
    this.#upkeep = new Upkeep(options);
    this.#telling = new Telling(this.#token, options.clock);
  }

  /** Reads the catalog again now, and starts again what refers to files that have changed. */
  reload(): void {
    this.#catalogDueMs = 0;
    this.#poke();
  }

  /** Runs until the signal aborts, or until nothing is left when the relay runs until idle. */
  async run(): Promise<RelaySummary> {
    const { signal, takeoverIntervalMs } = this.#options;
    const wake = () => this.#poke();
    signal.addEventListener("abort", wake, { once: true });
    try {
      while (!signal.aborted && !this.#isFinished()) {
        const failedForMs = await this.#tryReconcile();
        // Nothing wakes it from this pause: a server that is down is not asked as often as workers end.
        if (failedForMs !== undefined) await sleep(failedForMs, signal).catch(() => undefined);
        else if (!signal.aborted && !this.#isFinished()) await this.#pause(takeoverIntervalMs);
      }
      return await this.#shutDown();
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  /** How long to wait when it went wrong. */
  async #tryReconcile(): Promise<number | undefined> {
    const limit = setTimeout(() => void this.#session?.close(), LOOK_LIMIT_MS);
    try {
      await this.#reconcile();
      this.#failures = 0;
      return undefined;
    } catch (error) {
      const session = this.#session;
      this.#session = undefined;
      await session?.close();
      if (!this.#roster.isRead) throw error;
      this.#failures += 1;
      // Of no pipeline: they go on by themselves.
      const { component, code, reason, isTransient } = diagnosisOf(error);
      const { report, random } = this.#options;
      report({
        type: "relay.error",
        pipeline: "",
        direction: "forward",
        tenant: "",
        component,
        code,
        reason,
        isTransient,
      });
      return backoffMs(this.#failures - 1, RESTART, { random });
    } finally {
      clearTimeout(limit);
    }
  }

  async #reconcile(): Promise<void> {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    this.#isPoked = false;
    this.#queries = 0;
    const session = await this.#control();
    await this.#upkeep.resume(session, startedMs);
    if (this.#catalogDueMs <= startedMs) await this.#readCatalog(session, startedMs);
    await this.#roster.restartChangedFiles();
    this.#chores = await readChores(session);
    this.#queries += 1;
    this.#queries += await this.#sharing.meet(session);
    this.#sharing.giveBack();
    await this.#take(session);
    await this.#telling.tell(session, this.#roster.all);
    await this.#upkeep.sweep(session);
    const owned = this.#roster.owned.length;
    const durationMs = clock.monotonicMs() - startedMs;
    this.#options.report({
      type: "relay.reconciled",
      owned,
      pipelines: this.#roster.all.length,
      durationMs,
      queries: this.#queries,
    });
  }

  async #control(): Promise<Session> {
    if (this.#session !== undefined) return this.#session;
    const session = await this.#options.openDatabase();
    session.onNotification(({ channel }) => {
      if (channel === "tide_relay_config") this.reload();
    });
    session.onEnd(() => {
      if (this.#session === session) this.#session = undefined;
      this.#poke();
    });
    // Known before its first question, so that the limit of a look holds for that one too.
    this.#session = session;
    this.#catalogDueMs = 0;
    await session.script(`set statement_timeout = ${LOOK_LIMIT_MS}; listen tide_relay_config`);
    return session;
  }

  async #readCatalog(session: Session, nowMs: number): Promise<void> {
    // Before the query: what changes while it runs asks for another.
    this.#catalogDueMs = nowMs + this.#options.discoveryIntervalMs;
    this.#queries += await this.#roster.read(session);
  }

  async #take(session: Session): Promise<void> {
    const { chosen, queries } = await this.#sharing.choose(session);
    this.#queries += queries;
    for (let index = 0; index < chosen.length; index += TAKEN_AT_ONCE) {
      await Promise.all(chosen.slice(index, index + TAKEN_AT_ONCE).map((entry) => this.#acquire(entry)));
    }
  }

  async #acquire(entry: Entry): Promise<void> {
    const { members, key, status, found } = entry;
    const pipeline = members?.[0];
    if (members === undefined || pipeline === undefined) return;
    const files = await this.#roster.filesOf(members);
    const taken = await takeLease({ key, token: this.#token, options: this.#options });
    if (!("lease" in taken)) {
      status.report({ type: "relay.ownership", event: "denied", epoch: 0n });
      return;
    }
    const { lease } = taken;
    entry.freeSinceMs = undefined;
    entry.files = files;
    entry.startedMs = this.#nowMs();
    status.owned(this.#token);
    status.report({ type: "relay.ownership", event: "acquired", epoch: lease.epoch });
    status.state("starting");
    const { strategy, isGated } = found;
    const request: WorkerRequest = { key, members, strategy, isGated, chores: () => this.#chores };
    const workerOf = (context: WorkerContext) => this.#setup.workerOf(context, request);
    const owned = new OwnedPipeline({ options: this.#options, pipeline, lease, status, workerOf });
    entry.owned = owned;
    void owned.ended.then((ending) => this.#afterEnd(entry, owned, ending));
  }

  #afterEnd(entry: Entry, owned: OwnedPipeline, ending: Ending): void {
    const { status } = entry;
    entry.owned = undefined;
    status.released();
    const event = ending.how === "lost" ? "lost" : "released";
    status.report({ type: "relay.ownership", event, epoch: owned.lease.epoch });
    if (ending.how === "lost") this.#doubtSession();
    if (ending.how === "failed") this.#afterFailure(entry, ending.error);
    else if (ending.how === "forced") this.#forced.push(entry.found.row.name);
    else if (ending.how === "finished") entry.isFinished = true;
    // Until somebody is seen to own it, there is something left to do.
    if (!entry.isFinished) entry.freeSinceMs = this.#nowMs();
    if (ending.how !== "failed" && status.current.state !== "failed") status.state("stopped");
    this.#poke();
  }

  #afterFailure(entry: Entry, error: unknown): void {
    if (this.#nowMs() - entry.startedMs > LASTING_MS) entry.crashes = 0;
    const { component, code, reason, ...diagnosis } = diagnosisOf(error);
    // A run that is to end does not try for ever.
    const isTransient = diagnosis.isTransient && !(this.#options.untilIdle && entry.crashes >= PATIENT_CRASHES);
    const waitMs = isTransient ? backoffMs(entry.crashes, RESTART, { random: this.#options.random }) : RESTART.maxMs;
    entry.crashes += 1;
    entry.notBeforeMs = this.#nowMs() + waitMs;
    entry.status.error(component, { code, reason, isTransient });
    entry.status.state(isTransient ? "retrying" : "failed", { code, reason, nextRetryMs: waitMs });
  }

  /** Until idle: everything has nothing left, is somebody else's, or cannot go on by itself. */
  #isFinished(): boolean {
    if (!this.#options.untilIdle || !this.#roster.isRead) return false;
    const nowMs = this.#nowMs();
    const left = this.#roster.wanted.filter(
      ({ owned, status, freeSinceMs, notBeforeMs }) =>
        status.current.state !== "failed" && (owned !== undefined || freeSinceMs !== undefined || notBeforeMs > nowMs),
    );
    // One that waits for another pipeline may go on a moment after that has ended.
    const isStill = left.every(({ status }) => status.current.state === "paused");
    if (!isStill) this.#stillSinceMs = undefined;
    else this.#stillSinceMs ??= nowMs;
    return left.length === 0 || (isStill && nowMs - (this.#stillSinceMs ?? nowMs) > STILL_MS);
  }

  async #shutDown(): Promise<RelaySummary> {
    const { drainTimeoutMs, report } = this.#options;
    const owned = this.#roster.owned;
    report({ type: "relay.stopping", reason: this.#options.signal.aborted ? "told to" : "nothing is left" });
    for (const entry of owned) entry.owned?.stop(drainTimeoutMs);
    await Promise.all(owned.map((entry) => entry.owned?.ended));
    await this.#sayGoodbye();
    report({ type: "relay.stopped", forced: this.#forced });
    const pipelines = this.#roster.all.map(({ found: { row }, status }) => {
      const { state, reason } = status.current;
      return { name: row.name, direction: row.direction, state: row.enabled ? state : "disabled", reason };
    });
    return { ...this.#totals, forced: this.#forced, pipelines };
  }

  async #sayGoodbye(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    try {
      await this.#telling.writeStatus(session, this.#roster.all, false);
      await this.#sharing.leave(session);
    } catch (error) {
      // A courtesy: rows that are not heard of any more count as gone.
      this.#options.report({ type: "relay.stopping", reason: `status was not written: ${messageOf(error)}` });
    } finally {
      await session.close();
    }
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #poke(): void {
    this.#isPoked = true;
    this.#resume?.();
  }

  /** What lost a worker its lease has probably hit our own session too, which would tell only much later. */
  #doubtSession(): void {
    const session = this.#session;
    this.#session = undefined;
    void session?.close();
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isPoked) {
      await sleep(REST_MS, this.#options.signal).catch(() => undefined);
      return;
    }
    const untilMs = this.#nowMs() + ms;
    while (!this.#isPoked && this.#nowMs() < untilMs) {
      const wake = new AbortController();
      this.#resume = () => wake.abort();
      await sleep(Math.min(GLANCE_MS, untilMs - this.#nowMs()), wake.signal).catch(() => undefined);
      this.#resume = undefined;
      if (!this.#isPoked && this.#nowMs() < untilMs && (await this.#isSomethingFree())) return;
    }
  }

  /** Whether a pipeline that another relay owned can be taken now. */
  async #isSomethingFree(): Promise<boolean> {
    const session = this.#session;
    if (session === undefined) return false;
    const limit = setTimeout(() => void session.close(), LOOK_LIMIT_MS);
    try {
      return await this.#sharing.isSomethingFree(session);
    } catch {
      // The look that follows says what is wrong.
      return true;
    } finally {
      clearTimeout(limit);
    }
  }
}
