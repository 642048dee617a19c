/**
 * Working through an inbox so that every event has its effect exactly once.
 *
 * A delivery may come twice, a consumer may die anywhere, and a connection may break after COMMIT was sent. What makes the
 * effect happen once all the same: the handler writes in the transaction that marks the event as done. Either both are
 * there or neither; whoever comes second finds the mark, and its own work is rolled back.
 *
 * One consumer: claim some events under a lease -> for each: begin, handle, mark, commit -> claim again.
 *  - The lease keeps other consumers away meanwhile; correctness does not rest on it. When it runs out with a
 *    consumer that died, that counts as an attempt, so an event that kills its consumers comes to an end.
 *  - A handler that throws costs the event one attempt and a pause. After `max_retries` of the inbox it is left alone, with
 *    its last error, until somebody calls tide.replay_inbox_messages.
 *  - A lost connection costs the event that was being handled one attempt; the other claims are given back.
 */
import { sleep, systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { scrub } from "../../base/secrets.ts";
import { type Connection, type Queryable, sqlstateOf } from "./connection.ts";

/** An event as it waits in the inbox. */
export interface InboxEvent<Payload = unknown> {
  /** The sender's id; unique in this inbox. */
  id: string;
  /** Subject, topic or path that it came by. */
  source: string | null;
  payload: Payload;
  headers: Readonly<Record<string, unknown>>;
  receivedAt: Date;
  /** 1 for the first attempt. */
  attempt: number;
}

export interface ConsumeOptions<Payload = unknown> {
  inbox: string;
  /** Opens a connection for this consumer alone: `() => pool.connect()`. Called again when one breaks. */
  connect(): Promise<Connection>;
  /**
   * The effect. Everything that it writes with `tx` is committed together with the mark "done"; it must not commit or roll
   * back by itself. Effects outside of the database can happen again.
   */
  handle(event: InboxEvent<Payload>, tx: Queryable): Promise<void>;
  /** Stops: the events in hand are finished, the others are given back. */
  signal: AbortSignal;
  /** Consumers that work side by side, each over a connection of its own. Default 1, which keeps the order of arrival. */
  concurrency?: number;
  /** Events claimed at once, 1 to 1,000. Default 20. */
  batchSize?: number;
  /** How long a claim holds, in seconds; longer than the slowest handler. Default 60. */
  leaseSeconds?: number;
  /** Pause when nothing waits, in milliseconds. Default 1,000. */
  pollIntervalMs?: number;
  /** Pause before attempt `attempt` (2 and up), in whole seconds. Default: 1, 2, 4 ... at most 300. */
  retryDelaySeconds?(attempt: number): number;
  /** Ends when nothing waits, instead of waiting for more. Default false. */
  untilEmpty?: boolean;
  /** Told of each failed attempt. */
  onFailure?(event: InboxEvent<Payload>, error: unknown): void;
  /** Told of each lost connection or failed statement of the consumer's own; it goes on after a pause. */
  onError?(error: unknown): void;
}

export interface ConsumeSummary {
  /** Events whose effect and mark were committed here. */
  handled: number;
  /** Attempts that failed. */
  failed: number;
  /** Events that another consumer had finished first. */
  superseded: number;
}

/** 3 immediate tries of a transaction that the server undid because of others. */
const MAX_CONFLICTS = 3;
/** 10 s between tries to connect, at most. */
const MAX_RECONNECT_MS = 10_000;
const MAX_DELAY_SECONDS = 300;
/** 4,096 characters of an error are kept. */
const MAX_REASON_LENGTH = 4_096;

const CLAIM =
  "select event_id, source, payload::text as payload, headers::text as headers, received_at, retry_count from tide.inbox_claim($1, $2, $3)";
const COMPLETE = "select tide.inbox_complete($1, $2) as is_first";
const FAIL = "select tide.inbox_mark_failed($1, $2, $3), tide.inbox_release($1, $2, $4) as is_pending";
const RELEASE =
  "select tide.inbox_release($1, event_id) from pg_catalog.jsonb_array_elements_text($2::jsonb) as e (event_id)";

/**
 * Works through an inbox until `signal` aborts (or, with `untilEmpty`, until nothing waits). Resolves when every event in
 * hand is finished or given back. A failing handler or a lost connection ends nothing; both are reported.
 *
 * Throws RangeError for options outside of their bounds. The role needs EXECUTE on tide.inbox_claim, inbox_complete,
 * inbox_mark_failed and inbox_release, and the rights that the handler needs.
 */
export async function consume<Payload = unknown>(options: ConsumeOptions<Payload>): Promise<ConsumeSummary> {
  const concurrency = within("concurrency", options.concurrency ?? 1, { from: 1, to: 100 });
  within("batchSize", options.batchSize ?? DEFAULTS.batchSize, { from: 1, to: 1_000 });
  within("leaseSeconds", options.leaseSeconds ?? DEFAULTS.leaseSeconds, { from: 1, to: 86_400 });
  const summary: ConsumeSummary = { handled: 0, failed: 0, superseded: 0 };
  await Promise.all(Array.from({ length: concurrency }, () => new Consumer(options, summary).run()));
  return summary;
}

const DEFAULTS = { batchSize: 20, leaseSeconds: 60, pollIntervalMs: 1_000 };

function within(name: string, value: number, { from, to }: { from: number; to: number }): number {
  if (Number.isInteger(value) && value >= from && value <= to) return value;
  throw new RangeError(`${name} must be a whole number from ${from} to ${to}`);
}

class Consumer<Payload> {
  readonly #options: ConsumeOptions<Payload>;
  readonly #summary: ConsumeSummary;
  /** Claimed and not begun. */
  #waiting: InboxEvent<Payload>[] = [];
  /** Begun, and not known to have ended. */
  #current: InboxEvent<Payload> | undefined;

  constructor(options: ConsumeOptions<Payload>, summary: ConsumeSummary) {
    this.#options = options;
    this.#summary = summary;
  }

  async run(): Promise<void> {
    for (let failures = 0; this.#hasReason(failures); ) {
      try {
        await this.#withConnection(async (connection) => {
          await this.#settleLeftovers(connection);
          failures = 0;
          await this.#work(connection);
        });
        return;
      } catch (error) {
        this.#options.onError?.(error);
        await this.#pause(Math.min(100 * 2 ** failures++, MAX_RECONNECT_MS));
      }
    }
  }

  /** When stopped, what is in hand is still given back, if one more connection succeeds. */
  #hasReason(failures: number): boolean {
    if (!this.#options.signal.aborted) return true;
    return failures < 2 && (this.#current !== undefined || this.#waiting.length > 0);
  }

  async #withConnection(use: (connection: Connection) => Promise<void>): Promise<void> {
    const connection = await this.#options.connect();
    // A driver reports a cut connection as an event too, which would end the process if nobody listened.
    const ignore = () => {};
    connection.on?.("error", ignore);
    try {
      await use(connection);
    } catch (error) {
      // The listener stays: a broken connection may report itself more than once, also after it was given back.
      if (connection.release) connection.release(true);
      else await connection.end?.().catch(ignore);
      throw error;
    }
    connection.off?.("error", ignore);
    if (connection.release) connection.release();
    else await connection.end?.();
  }

  /** After a lost connection: what was being handled has had its attempt, the rest had none. */
  async #settleLeftovers(connection: Connection): Promise<void> {
    const lost = this.#current;
    if (lost) await this.#fail(connection, lost, new Error("the connection was lost while the event was handled"));
    this.#current = undefined;
    await this.#giveBack(connection);
  }

  async #work(connection: Connection): Promise<void> {
    const { signal, inbox, untilEmpty = false } = this.#options;
    const {
      batchSize = DEFAULTS.batchSize,
      leaseSeconds = DEFAULTS.leaseSeconds,
      pollIntervalMs = DEFAULTS.pollIntervalMs,
    } = this.#options;
    while (!signal.aborted) {
      const claimedMs = systemClock.monotonicMs();
      const { rows } = await connection.query(CLAIM, [inbox, String(batchSize), String(leaseSeconds)]);
      this.#waiting = rows.map((row) => eventOf<Payload>(row));
      if (rows.length === 0) {
        if (untilEmpty) return;
        await this.#pause(pollIntervalMs);
      }
      await this.#workThrough(connection, claimedMs + (leaseSeconds * 1_000) / 2);
    }
  }

  /** Handles what was claimed. What is left at half of the lease is given back: running out would cost it an attempt. */
  async #workThrough(connection: Connection, untilMs: number): Promise<void> {
    for (let event = this.#waiting.shift(); event; event = this.#waiting.shift()) {
      if (this.#options.signal.aborted || systemClock.monotonicMs() > untilMs) {
        this.#waiting.unshift(event);
        await this.#giveBack(connection);
        return;
      }
      this.#current = event;
      await this.#handle(connection, event);
      this.#current = undefined;
    }
  }

  async #handle(connection: Connection, event: InboxEvent<Payload>): Promise<void> {
    for (let conflicts = 0; ; conflicts++) {
      try {
        const isFirst = await this.#transaction(connection, event);
        if (isFirst) this.#summary.handled++;
        else this.#summary.superseded++;
        return;
      } catch (error) {
        await connection.query("rollback");
        if (isConflict(error) && conflicts < MAX_CONFLICTS) continue;
        await this.#fail(connection, event, error);
        return;
      }
    }
  }

  /** Effect and mark, together or not at all. False when somebody else was first, and nothing was done. */
  async #transaction(connection: Connection, event: InboxEvent<Payload>): Promise<boolean> {
    await connection.query("begin");
    await this.#options.handle(event, { query: (text, values) => connection.query(text, values) });
    const { rows } = await connection.query(COMPLETE, [this.#options.inbox, event.id]);
    const isFirst = rows[0]?.is_first === true || rows[0]?.is_first === "t";
    await connection.query(isFirst ? "commit" : "rollback");
    return isFirst;
  }

  async #fail(connection: Connection, event: InboxEvent<Payload>, error: unknown): Promise<void> {
    const seconds = this.#options.retryDelaySeconds?.(event.attempt + 1) ?? 2 ** Math.min(event.attempt - 1, 16);
    const pause = Math.max(0, Math.min(Math.ceil(seconds), MAX_DELAY_SECONDS));
    const reason = scrub(messageOf(error)).replaceAll("\0", "").toWellFormed().slice(0, MAX_REASON_LENGTH);
    const { rows } = await connection.query(FAIL, [this.#options.inbox, event.id, reason, String(pause)]);
    // After a lost connection it may turn out that the transaction did commit.
    if (rows[0]?.is_pending !== true && rows[0]?.is_pending !== "t") return;
    this.#summary.failed++;
    this.#options.onFailure?.(event, error);
  }

  async #giveBack(connection: Connection): Promise<void> {
    if (this.#waiting.length === 0) return;
    const ids = JSON.stringify(this.#waiting.map(({ id }) => id));
    await connection.query(RELEASE, [this.#options.inbox, ids]);
    this.#waiting = [];
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, this.#options.signal).catch(() => {});
  }
}

/** The server undid it because of what others did at the same time. */
function isConflict(error: unknown): boolean {
  const sqlstate = sqlstateOf(error);
  return sqlstate === "40001" || sqlstate === "40P01";
}

function eventOf<Payload>(row: Record<string, unknown>): InboxEvent<Payload> {
  return {
    id: String(row.event_id),
    source: typeof row.source === "string" ? row.source : null,
    payload: JSON.parse(String(row.payload ?? "null")),
    headers: JSON.parse(String(row.headers ?? "{}")),
    receivedAt: row.received_at instanceof Date ? row.received_at : new Date(String(row.received_at)),
    attempt: Number(row.retry_count) + 1,
  };
}
