/**
 * The worker of a reverse pipeline: opens its source, stores what comes in the inbox, opens the source again when it is gone.
 *
 *   opening   references resolved, connector loaded and connected -> serving | waiting
 *   serving   the source hands over, the intake stores, the source acknowledges -> waiting (source gone)
 *                                                                                | ended (stop, or the source has no more)
 *   waiting   growing pauses; configuration that cannot work is tried again slowly, a secret may have been corrected; what
 *             has worked before may only be starting again, so there these pauses begin short -> opening
 *
 * Dead letters that somebody wants to be tried again are stored between deliveries.
 */
import { sleep } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import { scrub } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";
import { ConnectorFailure, FAILURE_CLASSES } from "../failures.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Source } from "../sources/source.ts";
import { dueInboxLetters } from "../store/inbox.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import { type Backoff, backoffMs, refusedMs } from "./backoff.ts";
import { Intake } from "./intake.ts";
import { openSource } from "./open-source.ts";
import { PATIENCE_MS } from "./options.ts";
import { incomingReader, letterReader } from "./read-incoming.ts";
import type { Worker, WorkerContext } from "./worker.ts";

/** 15 to 30 s: what only a person can correct. */
const HOPELESS_MS = 30_000;
/** 50 ms: the least ceiling of a wait, for pipelines that ask for none. */
const LEAST_REOPEN_MS = 50;
/** 2 s: dead letters are tried again because somebody asked, and is looking. */
const LETTERS_EVERY_MS = 2_000;
const LETTERS_AT_ONCE = 100;
/** 1 s without an event: with --until-idle a source is taken to have no more. */
const IDLE_AFTER_MS = 1_000;
const IDLE_LOOK_MS = 100;

export function reverseWorker(context: WorkerContext): Worker {
  return { run: () => new ReverseRun(context).run() };
}

class ReverseRun {
  readonly #context: WorkerContext;
  readonly #key: PipelineKey;
  /** Since when the source is away. */
  #awaySinceMs: number | undefined;
  #hasOpened = false;
  /** Refusals for good since it last served. */
  #refusals = 0;

  constructor(context: WorkerContext) {
    const { pipeline, options } = context;
    this.#context = context;
    const { tenant, direction, name } = pipeline;
    this.#key = { group: options.group, tenant, direction, pipeline: name };
  }

  async run(): Promise<void> {
    const { stop, voice, options } = this.#context;
    for (let attempt = 0; !stop.aborted; attempt++) {
      const session = await this.#serveOnce();
      if (session.served) {
        attempt = 0;
        this.#awaySinceMs = undefined;
        this.#refusals = 0;
      }
      if (session.isDone) {
        voice.state("idle");
        if (!options.untilIdle) await waitFor(stop);
        return;
      }
      if (session.failure !== undefined) await this.#wait(session.failure, attempt);
    }
  }

  /** From opening the source to its end. Throws what is not the source's fault. */
  async #serveOnce(): Promise<{ served: boolean; isDone: boolean; failure?: unknown }> {
    const { stop, end, lease, voice, pipeline, options } = this.#context;
    const over = new AbortController();
    const signal = AbortSignal.any([stop, end, over.signal]);
    let opened: Awaited<ReturnType<typeof openSource>>;
    try {
      opened = await openSource(this.#context, signal);
    } catch (failure) {
      if (stop.aborted || !lease.isHeld()) return { served: false, isDone: false };
      return { served: false, isDone: false, failure };
    }
    this.#hasOpened = true;
    const { source, decode } = opened;
    const { type } = pipeline.connector;
    const intake = new Intake({
      context: { lease, voice, pipeline, end, clock: options.clock },
      key: this.#key,
      inbox: pipeline.inbox ?? "",
      read: incomingReader(decode, type),
    });
    intake.onFailure(() => over.abort());
    const chores = [
      this.#redeliver(intake, letterReader(decode, type), signal),
      ...(options.untilIdle ? [this.#endWhenIdle(intake, over)] : []),
    ];
    voice.state("running");
    if (source.address !== undefined) {
      options.report({ type: "relay.listening", what: "webhook", address: source.address, pipeline: pipeline.name });
    }
    const failure = await runToItsEnd(source, intake);
    over.abort();
    await Promise.all(chores);
    await source.close();
    if (intake.failure) throw intake.failure.error;
    return { served: intake.hasStored, isDone: failure === undefined && !stop.aborted, failure };
  }

  async #redeliver(intake: Intake, read: ReturnType<typeof letterReader>, signal: AbortSignal): Promise<void> {
    const { lease, pipeline } = this.#context;
    while (!signal.aborted && intake.failure === undefined) {
      const due = await lease
        .use((session) => dueInboxLetters(session, pipeline.name, LETTERS_AT_ONCE))
        .catch(() => []);
      for (const letter of due) if (!signal.aborted) await intake.redeliver(letter.id, read(letter));
      await sleep(LETTERS_EVERY_MS, signal).catch(() => undefined);
    }
  }

  async #endWhenIdle(intake: Intake, over: AbortController): Promise<void> {
    while (!over.signal.aborted && intake.idleMs < IDLE_AFTER_MS) {
      await sleep(IDLE_LOOK_MS, over.signal).catch(() => undefined);
    }
    over.abort();
  }

  /** Says what is wrong and waits, by how hopeful it is. */
  async #wait(failure: unknown, attempt: number): Promise<void> {
    const { voice, options, stop, pipeline } = this.#context;
    const { random } = options;
    const { code, isTransient, retryAfterMs, component } = diagnosisOf(failure);
    const reason = scrub(tameLine(failure instanceof Error ? failure.message : String(failure)));
    const waitMs = isTransient
      ? backoffMs(attempt, reopening(pipeline), { random, askedForMs: retryAfterMs })
      : this.#hopelessMs(random);
    voice.error(component, { code, reason, isTransient });
    const nowMs = options.clock.monotonicMs();
    this.#awaySinceMs ??= nowMs;
    const { untilIdle, patienceMs = PATIENCE_MS } = options;
    // A run that is to end does not wait for ever.
    const isGivenUp = untilIdle && nowMs - this.#awaySinceMs >= patienceMs;
    voice.state(isTransient && !isGivenUp ? "retrying" : "failed", { code, reason, nextRetryMs: waitMs });
    await sleep(waitMs, stop).catch(() => undefined);
  }

  #hopelessMs(random: () => number): number {
    if (!this.#hasOpened) return (HOPELESS_MS * (1 + random())) / 2;
    this.#refusals += 1;
    return refusedMs(this.#refusals, HOPELESS_MS, random);
  }
}

/** How long it may take until a source that went away is asked for again, as the pipeline says; but never a busy loop. */
function reopening({ retry, maxPollBackoffMs }: Pipeline): Backoff {
  const maxMs = Math.min(retry.maxBackoffMs, maxPollBackoffMs);
  return { firstMs: Math.max(retry.backoffMs, LEAST_REOPEN_MS), maxMs: Math.max(maxMs, LEAST_REOPEN_MS) };
}

/** The source's failure, or undefined when it ended by itself or was told to. Waits for what is on its way. */
async function runToItsEnd(source: Source, intake: Intake): Promise<unknown> {
  try {
    await source.run(intake.deliver);
    await intake.settled();
    return undefined;
  } catch (error) {
    await intake.settled();
    return error;
  }
}

function diagnosisOf(failure: unknown) {
  if (failure instanceof ConnectorFailure) {
    const { code, isTransient } = FAILURE_CLASSES[failure.class];
    return { code, isTransient, retryAfterMs: failure.retryAfterMs, component: "connector" as const };
  }
  if (failure instanceof PgkeepError) {
    const isTransient = failure.code.startsWith("CONNECT_");
    const code = isTransient ? "PGTIDE_POSTGRES_UNAVAILABLE" : "PGTIDE_PIPELINE_INVALID";
    return {
      code,
      isTransient,
      retryAfterMs: undefined,
      component: isTransient ? ("database" as const) : ("config" as const),
    };
  }
  return {
    code: "PGTIDE_CONNECTOR_UNKNOWN",
    isTransient: true,
    retryAfterMs: undefined,
    component: "connector" as const,
  };
}

function waitFor(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
