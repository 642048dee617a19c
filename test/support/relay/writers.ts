/**
 * Publishers that do what applications do, at the same time: single events, batches, slow transactions, transactions and
 * savepoints that are rolled back, two-phase commits, inserts past the functions. Each event is `{key, name}`.
 */
import type { Session } from "../../../src/pg/session.ts";
import type { Tide } from "../tide-session.ts";

export interface Writers {
  /** Names of events whose commit was confirmed. */
  committed: Set<string>;
  /** Lets them commit about so many events, all together. */
  allow(events: number): void;
  /** Ends when as many as were allowed are committed, or with the first error that is not forgiven. */
  finish(): Promise<void>;
}

export interface WritersOptions {
  outbox: string;
  writers?: number;
  keys?: number;
  /** Of the random choices. */
  seed?: number;
  /** Goes on over a new session when one fails: the server is being hurt. */
  forgives?: boolean;
  /** Without two-phase commits, where the server is not set up for them. */
  withoutPrepared?: boolean;
}

type Way = "single" | "batch" | "slow" | "rolled back" | "savepoint" | "prepared" | "prepared and undone" | "direct";

const WAYS: readonly Way[] = [
  "single",
  "single",
  "batch",
  "batch",
  "slow",
  "rolled back",
  "savepoint",
  "prepared",
  "prepared and undone",
  "direct",
];

/** Events that a writer publishes before it asks whether there is enough. */
const BATCH = 8;

export function startWriters(tide: Tide, options: WritersOptions): Writers {
  const committed = new Set<string>();
  const { writers = 6, seed = 1 } = options;
  let allowed = 0;
  let isFinishing = false;
  const take = (): number | undefined => {
    if (committed.size < allowed) return BATCH;
    return isFinishing ? undefined : 0;
  };
  const running = Promise.all(
    Array.from({ length: writers }, (_, index) =>
      new Writer(tide, options, `w${seed}-${index}`, randomFrom(seed * 1_000 + index)).run(take, committed),
    ),
  );
  running.catch(() => undefined);
  return {
    committed,
    allow: (events) => {
      allowed = Math.max(allowed, events);
    },
    finish: async () => {
      isFinishing = true;
      await running;
    },
  };
}

class Writer {
  readonly #tide: Tide;
  readonly #options: WritersOptions;
  readonly #label: string;
  readonly #random: () => number;
  #session: Session | undefined;
  #count = 0;

  constructor(tide: Tide, options: WritersOptions, label: string, random: () => number) {
    this.#tide = tide;
    this.#options = options;
    this.#label = label;
    this.#random = random;
  }

  async run(take: () => number | undefined, committed: Set<string>): Promise<void> {
    for (let most = take(); most !== undefined; most = take()) {
      if (most === 0) await pause(5);
      else await this.#publish(most, committed);
    }
    await this.#session?.close();
  }

  async #publish(most: number, committed: Set<string>): Promise<void> {
    for (let left = most; left > 0; ) {
      const way = WAYS[Math.floor(this.#random() * WAYS.length)] ?? "single";
      const names = this.#names(way === "single" ? 1 : 1 + Math.floor(this.#random() * Math.min(left, 8)));
      try {
        this.#session ??= (await this.#tide.another()).session;
        const kept = await this.#transact(this.#session, way, names);
        for (const name of kept) committed.add(name);
        left -= names.length;
      } catch (error) {
        if (!this.#options.forgives) throw error;
        await this.#session?.close();
        this.#session = undefined;
        await pause(50);
      }
    }
  }

  /** Names of the events that are committed by now. */
  async #transact(session: Session, way: Way, names: readonly string[]): Promise<readonly string[]> {
    const isPrepared = way.startsWith("prepared") && !this.#options.withoutPrepared;
    if (way === "single") {
      await this.#add(session, names);
      return names;
    }
    // PostgreSQL prepares no transaction that notifies.
    await session.script(isPrepared ? "begin; set local tide.notify = 'off'" : "begin");
    await (way === "direct" ? this.#insert(session, names) : this.#add(session, names));
    if (way === "slow") await pause(20 + this.#random() * 180);
    if (way === "savepoint") {
      await session.script("savepoint a");
      await this.#add(session, this.#names(2));
      await session.script("rollback to savepoint a");
    }
    if (isPrepared) return this.#commitPrepared(session, names, way);
    await session.script(way === "rolled back" ? "rollback" : "commit");
    return way === "rolled back" ? [] : names;
  }

  async #commitPrepared(session: Session, names: readonly string[], way: Way): Promise<readonly string[]> {
    const id = `${this.#label}-${this.#count}`;
    const isUndone = way === "prepared and undone";
    await session.script(`prepare transaction '${id}'`);
    try {
      await pause(this.#random() * 50);
      await session.script(`${isUndone ? "rollback" : "commit"} prepared '${id}'`);
    } catch (error) {
      // It holds everything later back until somebody ends it.
      await this.#end(id);
      throw error;
    }
    return isUndone ? [] : names;
  }

  async #end(id: string): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt++) {
      try {
        const { session } = await this.#tide.another();
        const left = await session.rows("select gid from pg_prepared_xacts where gid = $1", [id]);
        if (left.length > 0) await session.script(`rollback prepared '${id}'`);
        await session.close();
        return;
      } catch {
        await pause(50);
      }
    }
    throw new Error(`the prepared transaction ${id} is left`);
  }

  async #add(session: Session, names: readonly string[]): Promise<void> {
    await session.query(
      `select tide.outbox_publish($1, pg_catalog.jsonb_build_object('key', k, 'name', n))
         from rows from (pg_catalog.jsonb_to_recordset($2::jsonb) as (k text, n text)) as r`,
      [this.#options.outbox, this.#documents(names)],
    );
  }

  async #insert(session: Session, names: readonly string[]): Promise<void> {
    await session.query(
      `insert into tide.tide_outbox_messages (outbox_name, payload, headers)
       select $1, pg_catalog.jsonb_build_object('key', k, 'name', n), '{}'
         from rows from (pg_catalog.jsonb_to_recordset($2::jsonb) as (k text, n text)) as r`,
      [this.#options.outbox, this.#documents(names)],
    );
  }

  #documents(names: readonly string[]): string {
    const { keys = 12 } = this.#options;
    return JSON.stringify(names.map((n) => ({ k: `k${Math.floor(this.#random() * keys)}`, n })));
  }

  #names(count: number): string[] {
    return Array.from({ length: count }, () => {
      this.#count += 1;
      return `${this.#label}-${this.#count}`;
    });
  }
}

/** Mulberry32: the same choices for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
