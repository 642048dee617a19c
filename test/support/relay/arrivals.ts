/**
 * What arrived at a sink, and whether that is what was promised: every committed event, no other, each key in order, what
 * came again under the id that it had before.
 */
import type { Tide } from "../tide-session.ts";

/** One event as a sink saw it. */
export interface Arrival {
  dedupKey: string;
  /** Of the payload: what is ordered among itself. */
  key: string;
  /** Of the payload: unlike any other event's. */
  name: string;
  /** Label of the relay that sent it. */
  relay?: string | undefined;
  /** As Date.now. */
  at: number;
}

export interface Verdict {
  /** Committed and not delivered. */
  lost: string[];
  /** Delivered and not committed. */
  phantom: string[];
  /** First deliveries that came after a later event of their key. */
  disordered: string[];
  /** Events that were delivered under two ids, or ids that two events had. */
  renamed: string[];
  /** Deliveries beyond the first of each event. */
  duplicates: number;
  delivered: number;
}

/** What a run without a fault gives. */
export const FLAWLESS = { lost: [], phantom: [], disordered: [], renamed: [] };

/** Compares what arrived with what the outbox holds. Shows at most ten of each fault. */
export async function judge(tide: Tide, outbox: string, arrivals: readonly Arrival[]): Promise<Verdict> {
  const rows = await tide.session.rows(
    "select 'outbox_' || outbox_name || ':' || id || ':0', payload ->> 'name' from tide.tide_outbox_messages where outbox_name = $1",
    [outbox],
  );
  const committed = new Map(rows.map(([id, name]) => [id ?? "", name ?? ""]));
  const names = new Map<string, string>();
  const ids = new Map<string, string>();
  const newest = new Map<string, bigint>();
  const verdict: Verdict = { lost: [], phantom: [], disordered: [], renamed: [], duplicates: 0, delivered: 0 };
  for (const { dedupKey, key, name } of arrivals) {
    if (committed.get(dedupKey) !== name) verdict.phantom.push(`${dedupKey} ${name}`);
    const isRenamed = (names.get(name) ?? dedupKey) !== dedupKey || (ids.get(dedupKey) ?? name) !== name;
    if (isRenamed) verdict.renamed.push(`${dedupKey} ${name}`);
    if (ids.has(dedupKey)) {
      verdict.duplicates += 1;
      continue;
    }
    names.set(name, dedupKey);
    ids.set(dedupKey, name);
    verdict.delivered += 1;
    const id = BigInt(dedupKey.split(":").at(-2) ?? 0);
    if (id < (newest.get(key) ?? 0n)) verdict.disordered.push(`${dedupKey} of key ${key}`);
    else newest.set(key, id);
  }
  for (const [id, name] of committed) if (!ids.has(id)) verdict.lost.push(`${id} ${name}`);
  const few = (list: string[]) => list.slice(0, 10);
  return {
    ...verdict,
    lost: few(verdict.lost),
    phantom: few(verdict.phantom),
    disordered: few(verdict.disordered),
    renamed: few(verdict.renamed),
  };
}

/** How many committed events of an outbox have not arrived. */
export async function missing(tide: Tide, outbox: string, arrivals: readonly Arrival[]): Promise<number> {
  const committed = await tide.session.rows(
    "select 'outbox_' || outbox_name || ':' || id || ':0' from tide.tide_outbox_messages where outbox_name = $1",
    [outbox],
  );
  const arrived = new Set(arrivals.map(({ dedupKey }) => dedupKey));
  return committed.filter(([id]) => !arrived.has(id ?? "")).length;
}
