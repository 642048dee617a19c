/**
 * Which pipelines this relay gives back and which it takes, by its fair share among the relays of its group.
 *
 * More than a fair share and another relay wants some -> given back; less -> free ones are taken. What stays free for
 * PATIENCE_INTERVALS is taken by whoever can, fair or not.
 */
import type { Session } from "../../pg/session.ts";
import { appear, disappear, freePipelines, type OtherRelay } from "../store/instances.ts";
import type { Entry } from "./entry.ts";
import { type Share, shareOf } from "./fairness.ts";
import type { RelayOptions } from "./options.ts";
import type { Roster } from "./roster.ts";

/** After so many intervals a free pipeline is taken even by a relay that has its share. */
const PATIENCE_INTERVALS = 3;

interface SharingOptions {
  options: RelayOptions;
  roster: Roster;
  /** Of this process, as in the leases. */
  token: string;
  /** Sessions that this process may still open. */
  sessionsLeft(): number;
}

interface Choice {
  chosen: readonly Entry[];
  queries: number;
}

export class Sharing {
  readonly #options: RelayOptions;
  readonly #roster: Roster;
  readonly #token: string;
  readonly #processSessionsLeft: () => number;
  #others: OtherRelay[] = [];

  constructor({ options, roster, token, sessionsLeft }: SharingOptions) {
    this.#options = options;
    this.#roster = roster;
    this.#token = token;
    this.#processSessionsLeft = sessionsLeft;
  }

  /** Says what this relay has and wants, and hears the same of the others. Returns how many queries that took. */
  async meet(session: Session): Promise<number> {
    const { group, label } = this.#options;
    const owned = this.#roster.owned.length;
    const pipelines = this.#roster.wanted.length;
    const { fair } = shareOf({ owned, pipelines, most: this.#most }, this.#others);
    const self = { group, token: this.#token, label, owned, wants: fair };
    this.#others = await appear(session, self, this.#patienceMs);
    return 2;
  }

  /** Says that this relay is gone. */
  async leave(session: Session): Promise<void> {
    await disappear(session, { group: this.#options.group, token: this.#token });
  }

  /** Stops pipelines that another relay is to have. */
  giveBack(): void {
    let left = this.#options.untilIdle ? 0 : this.#share().giveBack;
    for (const entry of this.#roster.owned) {
      if (left === 0) return;
      if (entry.owned?.isStopping) continue;
      left -= 1;
      // The other relay looks within its interval; we are not to be faster.
      entry.notBeforeMs = this.#nowMs() + this.#patienceMs;
      entry.owned?.stop(this.#options.drainTimeoutMs);
    }
  }

  /** The free pipelines that this relay is to take now. */
  async choose(session: Session): Promise<Choice> {
    const nowMs = this.#nowMs();
    const wanted = this.#takeable(nowMs);
    const keys = wanted.map((entry) => ({ ...entry.key, entry }));
    const free = await freePipelines(session, this.#options.group, keys);
    const isFree = new Set(free.map(({ entry }) => entry));
    for (const entry of wanted) if (!isFree.has(entry)) entry.freeSinceMs = undefined;
    return { chosen: this.#within(this.#share(), [...isFree], nowMs), queries: keys.length > 0 ? 1 : 0 };
  }

  /** Whether there is room for a pipeline of another relay, and one that can be taken. */
  async isSomethingFree(session: Session): Promise<boolean> {
    const isFull = this.#roster.owned.length >= this.#most || this.#sessionsLeft() <= 0;
    const others = this.#takeable(this.#nowMs());
    if (isFull || others.length === 0) return false;
    const keys = others.map(({ key }) => key);
    return (await freePipelines(session, this.#options.group, keys)).length > 0;
  }

  #takeable(nowMs: number): Entry[] {
    return this.#roster.wanted.filter((entry) => entry.owned === undefined && entry.notBeforeMs <= nowMs);
  }

  /** As many as the share and the sessions allow, and those that were left lying beyond the share. */
  #within({ mayTake }: Share, free: readonly Entry[], nowMs: number): Entry[] {
    const owned = this.#roster.owned.length;
    const chosen: Entry[] = [];
    for (const entry of free) {
      entry.freeSinceMs ??= nowMs;
      const isLeft = chosen.length < mayTake || nowMs - entry.freeSinceMs >= this.#patienceMs;
      if (isLeft && owned + chosen.length < this.#most && chosen.length < this.#sessionsLeft()) {
        chosen.push(entry);
      }
    }
    return chosen;
  }

  #share(): Share {
    const owned = this.#roster.owned.filter(({ owned }) => !owned?.isStopping).length;
    return shareOf({ owned, pipelines: this.#roster.wanted.length, most: this.#most }, this.#others);
  }

  /** Most pipelines of this process: what it was told, and what the catalog bounds its group by. */
  get #most(): number {
    return Math.min(
      this.#options.maxOwnedPipelines,
      this.#roster.limits?.maxOwnedPipelines ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Sessions that may still be opened, by both. */
  #sessionsLeft(): number {
    const { maxConnections } = this.#options;
    const left = this.#processSessionsLeft();
    const least = this.#roster.limits?.maxConnections ?? maxConnections;
    return Math.min(left, left - (maxConnections - least));
  }

  get #patienceMs(): number {
    return this.#options.takeoverIntervalMs * PATIENCE_INTERVALS;
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}
