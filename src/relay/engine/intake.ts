/**
 * Takes what a source hands over and stores it in the inbox.
 *
 * While one batch is being stored, what arrives waits and becomes the next one, so that many small deliveries share
 * a transaction. A batch that the database refuses for what is in it is halved until the bad event stands alone; that
 * one becomes a dead letter and the others are stored. Every other failure is told to the source, which lets the events come
 * again, and to the worker, which ends.
 */
import { PgkeepError } from "../../base/errors.ts";
import { scrub } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";
import { ServerError } from "../../pg/session.ts";
import type { Deliver, Incoming, IncomingOutcome } from "../sources/source.ts";
import { type InboxDeadLetter, type InboxRow, type StoreRequest, storeInInbox } from "../store/inbox.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import type { ReadIncoming } from "./read-incoming.ts";
import type { WorkerContext } from "./worker.ts";

/** 500 events or 4 MiB in one transaction. */
const MAX_BATCH_EVENTS = 500;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** Data that can never be stored: wrong data (22), broken rules of the table (23), over a limit of the server (54). */
const REFUSES_DATA = /^(?:22|23|54)/;

interface Waiting {
  batch: readonly Incoming[];
  resolve(outcomes: readonly IncomingOutcome[]): void;
  reject(error: unknown): void;
}

export interface IntakeOptions {
  context: Pick<WorkerContext, "lease" | "voice" | "pipeline" | "end"> & { clock: WorkerContext["options"]["clock"] };
  key: PipelineKey;
  inbox: string;
  read: ReadIncoming;
}

/** What one event turned into. */
type Entry = { rows: InboxRow[] } | { dead: InboxDeadLetter };

export class Intake {
  readonly #options: IntakeOptions;
  readonly #waiting: Waiting[] = [];
  #storing: Promise<void> | undefined;
  #lastActivityMs: number;
  #failure: { error: unknown } | undefined;
  #onFailure: (() => void) | undefined;
  #hasStored = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#lastActivityMs = options.context.clock.monotonicMs();
  }

  /** Milliseconds in which nothing came and nothing was on its way. */
  get idleMs(): number {
    if (this.#storing !== undefined) return 0;
    return this.#options.context.clock.monotonicMs() - this.#lastActivityMs;
  }

  /** Whether anything was taken at all: the source works. */
  get hasStored(): boolean {
    return this.#hasStored;
  }

  /** The first failure that was not the fault of an event. */
  get failure(): { error: unknown } | undefined {
    return this.#failure;
  }

  onFailure(listener: () => void): void {
    this.#onFailure = listener;
  }

  readonly deliver: Deliver = (batch) => {
    if (this.#failure) return Promise.reject(this.#failure.error);
    if (batch.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      this.#storing ??= this.#storeAll();
    });
  };

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    while (this.#storing !== undefined) await this.#storing;
  }

  async #storeAll(): Promise<void> {
    try {
      // Lets everything that arrived in this turn of the loop into the first batch.
      await undefined;
      while (this.#waiting.length > 0) await this.#storeGroup(takeGroup(this.#waiting));
    } finally {
      this.#storing = undefined;
      this.#lastActivityMs = this.#options.context.clock.monotonicMs();
    }
  }

  async #storeGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const events = group.flatMap(({ batch }) => batch);
      const outcomes = await this.#store(events);
      let from = 0;
      for (const { batch, resolve } of group) {
        resolve(outcomes.slice(from, from + batch.length));
        from += batch.length;
      }
    } catch (error) {
      this.#fail(error);
      for (const { reject } of [...group, ...this.#waiting.splice(0)]) reject(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure = { error };
    this.#onFailure?.();
  }

  async #store(events: readonly Incoming[]): Promise<IncomingOutcome[]> {
    const { read, context } = this.#options;
    const startedMs = context.clock.monotonicMs();
    const entries = events.map((event) => read(event));
    const outcomes = await this.#storeEntries(entries);
    const count = (outcome: IncomingOutcome["outcome"]) => outcomes.filter((one) => one.outcome === outcome).length;
    const [stored, duplicates, rejected] = [count("stored"), count("duplicate"), count("rejected")];
    context.voice.report({
      type: "relay.polled",
      messages: events.length,
      durationMs: context.clock.monotonicMs() - startedMs,
    });
    this.#hasStored = true;
    context.voice.report({ type: "relay.stored", stored, duplicates, rejected });
    return outcomes;
  }

  /** Halves on refusal, so that one event of a thousand costs ten more transactions and not a thousand. */
  async #storeEntries(entries: readonly Entry[]): Promise<IncomingOutcome[]> {
    try {
      return await this.#storeOnce(entries);
    } catch (error) {
      if (!(error instanceof ServerError) || !REFUSES_DATA.test(error.sqlstate)) throw error;
      const [only] = entries;
      if (entries.length === 1 && only) return await this.#storeRefused(only, error);
      const middle = entries.length >> 1;
      const first = await this.#storeEntries(entries.slice(0, middle));
      return [...first, ...(await this.#storeEntries(entries.slice(middle)))];
    }
  }

  async #storeRefused(entry: Entry, error: ServerError): Promise<IncomingOutcome[]> {
    const [row] = "rows" in entry ? entry.rows : [];
    if (!row) throw error;
    return this.#storeOnce([{ dead: refusedLetter(row, this.#options.context.pipeline.connector.type, error) }]);
  }

  async #storeOnce(entries: readonly Entry[]): Promise<IncomingOutcome[]> {
    const rows = entries.flatMap((entry) => ("rows" in entry ? entry.rows : []));
    const dead = entries.flatMap((entry) => ("dead" in entry ? [entry.dead] : []));
    if (dead.length > 0 && !this.#options.context.pipeline.deadLetters.enabled) throw deadLettersOff(dead);
    const isNew = await this.#commit({ rows, dead, settled: [] });
    for (const kind of new Set(dead.map((letter) => letter.kind))) {
      const count = dead.filter((letter) => letter.kind === kind).length;
      this.#options.context.voice.report({ type: "relay.dead_letters", count, kind });
    }
    return entries.map((entry) => outcomeOf(entry, isNew));
  }

  /** Stores in one fenced transaction. Throws when the lease is lost: nothing was stored then. */
  async #commit(what: Pick<StoreRequest, "rows" | "dead" | "settled">): Promise<Set<string>> {
    const { context, key, inbox } = this.#options;
    const { lease, clock } = { lease: context.lease, clock: context.clock };
    if (!lease.isHeld()) throw leaseLost();
    const sentAtMs = clock.monotonicMs();
    const { epoch, leaseMs } = lease;
    const stored = await lease.use((session) => storeInInbox(session, { key, epoch, leaseMs, inbox, ...what }));
    if (stored === undefined) {
      lease.lose();
      throw leaseLost();
    }
    lease.extended(sentAtMs);
    return stored;
  }

  /** Tries a dead letter again: stores it and marks it, or notes why not, in one transaction each. Never throws. */
  async redeliver(id: string, entry: Entry): Promise<void> {
    try {
      const reason = "dead" in entry ? entry.dead.reason : await this.#storeLetter(id, entry.rows);
      if (reason !== undefined) await this.#commit({ rows: [], dead: [], settled: [{ id, ok: false, reason }] });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Why the database refuses it; undefined when it is stored. */
  async #storeLetter(id: string, rows: readonly InboxRow[]): Promise<string | undefined> {
    try {
      await this.#commit({ rows, dead: [], settled: [{ id, ok: true, reason: undefined }] });
      return undefined;
    } catch (error) {
      if (error instanceof ServerError && REFUSES_DATA.test(error.sqlstate)) return refusal(error);
      throw error;
    }
  }
}

/** Whole deliveries, in order, up to the limits; at least one. */
function takeGroup(waiting: Waiting[]): Waiting[] {
  let events = 0;
  let bytes = 0;
  let count = 0;
  for (const { batch } of waiting) {
    events += batch.length;
    bytes += batch.reduce((sum, { body }) => sum + body.length, 0);
    if (count > 0 && (events > MAX_BATCH_EVENTS || bytes > MAX_BATCH_BYTES)) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

/** An id that came twice in one batch was stored once: the first is the one. */
function outcomeOf(entry: Entry, isNew: Set<string>): IncomingOutcome {
  if ("dead" in entry) return { outcome: "rejected", reason: entry.dead.reason };
  const [first] = entry.rows;
  const stored = entry.rows.filter(({ eventId }) => isNew.delete(eventId));
  return { outcome: stored.length > 0 || !first ? "stored" : "duplicate", eventId: first?.eventId ?? "" };
}

function refusedLetter(row: InboxRow, sourceType: string, error: ServerError): InboxDeadLetter {
  return {
    eventId: row.eventId,
    subject: row.source,
    payload: JSON.stringify({ _raw: Buffer.from(row.payload, "utf8").toString("base64") }),
    headers: {},
    sourceType,
    kind: "inbox_permanent",
    reason: refusal(error),
  };
}

/** The server's message and code. Never its detail, which repeats the data. */
function refusal({ message, sqlstate }: ServerError): string {
  return scrub(tameLine(`${message} (SQLSTATE ${sqlstate})`)).slice(0, 1_000);
}

function leaseLost(): PgkeepError {
  return new PgkeepError("CONNECT_LOST", "the pipeline belongs to another relay by now");
}

function deadLettersOff([letter]: readonly InboxDeadLetter[]): PgkeepError {
  return new PgkeepError("RELAY_PIPELINE_INVALID", "an event cannot be stored and the pipeline keeps no dead letters", {
    detail: letter?.reason,
    hint: "Switch dead letters on: dlq.enabled in the pipeline's configuration.",
  });
}
