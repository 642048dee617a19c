/**
 * From a list to the list that is wished: which entries to take from whom, and which to give.
 *
 * The list is changed step by step as the server would change it, so that what is given at last is exactly what is
 * missing by then. PostgreSQL takes away only what the acting role granted itself, so every entry is taken by its own
 * grantor; entries furthest from the owner go first, because a grant option that others depend on cannot go before them.
 */
import { type Acl, type AclEntry, privilegesOf } from "../privileges/acl.ts";
import type { PrivilegeSet } from "../privileges/privilege.ts";
import type { Holding, Wish } from "./resolve.ts";

export interface Revocation {
  grantee: string;
  grantor: string;
  privileges: PrivilegeSet;
  /** Those of `privileges` that were grantable; for the way back. */
  grantable: PrivilegeSet;
  /** Takes only the right to pass on. */
  optionOnly: boolean;
  /** What goes with it, because it was passed on. Empty: nothing, and no CASCADE. */
  chain: readonly AclEntry[];
  /** Distance from the owner; higher goes first. */
  depth: number;
  /** Others than the model's roles were in the way and nobody confirmed. */
  blockedBy: readonly AclEntry[];
  /** Who passed on what is taken, and has to take that back before. */
  restsOn: readonly string[];
}

export interface Grant {
  grantee: string;
  privileges: PrivilegeSet;
  withOption: boolean;
  /** The grantee has them already and gets the right to pass on. */
  optionOnly: boolean;
}

export interface ListChanges {
  revocations: readonly Revocation[];
  grants: readonly Grant[];
  /** Grantees of the wish that have everything already. */
  unchanged: number;
}

export interface ListQuestion {
  /** The list that holds, built-in defaults written out. */
  acl: Acl;
  owner: string;
  wish: Wish;
  /** Confirmed: what others got through a grant option may go with it. */
  cascade: boolean;
  /** Entries of these grantors go away by themselves. */
  isRetiring: (role: string) => boolean;
  willExist: (role: string) => boolean;
}

export function listChanges(question: ListQuestion): ListChanges {
  const entries = question.acl.map((entry) => ({ ...entry }));
  const revocations = revocationsOf(entries, question);
  return { revocations, ...grantsOf(entries, question) };
}

type Entry = { -readonly [Key in keyof AclEntry]: AclEntry[Key] };

/** A list on its way to what is wished. */
interface ChangingList {
  entries: readonly Entry[];
  owner: string;
}

function revocationsOf(entries: Entry[], question: ListQuestion): Revocation[] {
  const { owner, wish, isRetiring } = question;
  const queue = entries
    .filter(({ grantee, grantor }) => grantee !== owner && (grantor === owner || !isRetiring(grantor)))
    .map((entry) => ({
      entry,
      depth: depthOf(entry, entries, owner),
      ...(isRetiring(entry.grantee) ? leftByDropOwned(entry, owner) : excessOf(entry, wish)),
    }))
    .filter(({ surplus, options }) => (surplus | options) !== 0)
    .map((item) => ({ ...item, restsOn: passedOnBy(item, { entries, owner }) }))
    .sort((one, other) => other.depth - one.depth);
  const revocations: Revocation[] = [];
  for (const { entry, depth, surplus, options, restsOn } of queue) {
    for (const [bits, optionOnly] of [
      [surplus, false],
      [options, true],
    ] as const) {
      const present = bits & (optionOnly ? entry.grantable : entry.privileges);
      if (present === 0) continue;
      revocations.push(...taken(entry, { bits: present, optionOnly, depth, restsOn, entries, question }));
    }
  }
  return revocations;
}

/** DROP OWNED takes what the owner granted, and with it what was passed on; the rest has to go by its grantors first. */
function leftByDropOwned({ grantor, privileges }: AclEntry, owner: string) {
  return { surplus: grantor === owner ? 0 : privileges, options: 0 };
}

function excessOf({ grantee, privileges, grantable }: AclEntry, wish: Wish) {
  if (!wish.isExact(grantee)) {
    const surplus = privileges & (wish.taken.get(grantee) ?? 0);
    return { surplus, options: grantable & ~surplus & (wish.optionsTaken.get(grantee) ?? 0) };
  }
  const wanted = wish.of(grantee);
  const surplus = privileges & ~wanted.privileges;
  return { surplus, options: grantable & ~surplus & ~wanted.grantable };
}

/** Looked up while nothing is taken yet: by then the entries further out are gone from the list, planned or blocked. */
function passedOnBy(
  { entry, surplus, options }: { entry: Entry; surplus: PrivilegeSet; options: PrivilegeSet },
  list: ChangingList,
): string[] {
  const links = dependentsOf(entry, entry.grantable & (surplus | options), list);
  return [...new Set(links.map((link) => link.entry.grantor))];
}

interface Taking {
  bits: PrivilegeSet;
  optionOnly: boolean;
  depth: number;
  restsOn: readonly string[];
  entries: Entry[];
  question: ListQuestion;
}

/** The statements that take `bits` of `entry`; changes the entries as they will. */
function taken(entry: Entry, taking: Taking): Revocation[] {
  const { bits, optionOnly, entries, question } = taking;
  const lost = entry.grantable & bits;
  const chain = dependentsOf(entry, lost, { entries, owner: question.owner });
  const strangers = chain.filter(({ entry: { grantee } }) => !question.wish.isExact(grantee));
  const own = revocationOf(entry, { ...taking, grantable: optionOnly ? bits : lost });
  if (strangers.length > 0 && !question.cascade && !question.isRetiring(entry.grantee)) {
    return [{ ...own, blockedBy: strangers.map(({ entry: there, bits: some }) => ({ ...there, privileges: some })) }];
  }
  const revocations = strangers.length > 0 ? [{ ...own, chain: chain.map(asEntry) }] : [...before(chain, taking), own];
  for (const link of chain) remove(link.entry, link.bits);
  if (optionOnly) entry.grantable &= ~bits;
  else remove(entry, bits);
  return revocations;
}

/** Roles of the model get back from the owner what they keep, so theirs is taken one by one and nothing cascades. */
function before(chain: readonly Link[], { depth, restsOn }: Taking): Revocation[] {
  return [...chain].reverse().map((link) =>
    revocationOf(link.entry, {
      bits: link.bits,
      grantable: link.entry.grantable & link.bits,
      optionOnly: false,
      depth: depth + link.depth,
      restsOn: restsOn.filter((role) => role !== link.entry.grantor),
    }),
  );
}

type Terms = Pick<Taking, "bits" | "optionOnly" | "depth" | "restsOn"> & { grantable: PrivilegeSet };

/** One that nothing goes with and nobody blocks. */
function revocationOf({ grantee, grantor }: Entry, { bits, grantable, optionOnly, depth, restsOn }: Terms): Revocation {
  return { grantee, grantor, privileges: bits, grantable, optionOnly, chain: [], depth, blockedBy: [], restsOn };
}

/** What a link loses, as it is while it still has it. */
function asEntry({ entry, bits }: Link): AclEntry {
  return { ...entry, privileges: bits, grantable: entry.grantable & bits };
}

function remove(entry: Entry, bits: PrivilegeSet): void {
  entry.privileges &= ~bits;
  entry.grantable &= ~bits;
}

interface Link {
  entry: Entry;
  bits: PrivilegeSet;
  depth: number;
}

/** Everything that rests on `lost` of `entry`, nearest first. */
function dependentsOf(start: Entry, lost: PrivilegeSet, { entries, owner }: ChangingList): Link[] {
  const links: Link[] = [];
  const gone = new Map<Entry, PrivilegeSet>([[start, lost]]);
  const follow = (from: Entry, options: PrivilegeSet, depth: number): void => {
    if (options === 0 || from.grantee === owner) return;
    let elsewhere = 0;
    for (const other of entries) {
      if (other.grantee === from.grantee && other !== from) elsewhere |= other.grantable & ~(gone.get(other) ?? 0);
    }
    const unsupported = options & ~elsewhere;
    for (const next of entries) {
      const bits = next.grantor === from.grantee ? next.privileges & unsupported & ~(gone.get(next) ?? 0) : 0;
      if (bits === 0 || next === start) continue;
      gone.set(next, (gone.get(next) ?? 0) | bits);
      links.push({ entry: next, bits, depth });
      follow(next, next.grantable & bits, depth + 1);
    }
  };
  follow(start, lost, 1);
  return links;
}

/** How many grants lie between an entry and the owner. Lists are short; loops end at their length. */
function depthOf(entry: AclEntry, entries: readonly AclEntry[], owner: string): number {
  let depth = 0;
  let grantors = new Set([entry.grantor]);
  while (depth < entries.length && !(grantors.size === 1 && grantors.has(owner))) {
    const above = entries.filter(
      ({ grantee, grantable }) => grantable !== 0 && grantors.has(grantee) && grantee !== owner,
    );
    if (above.length === 0) break;
    depth++;
    grantors = new Set(above.map(({ grantor }) => grantor));
  }
  return depth;
}

function grantsOf(entries: readonly Entry[], question: ListQuestion): Pick<ListChanges, "grants" | "unchanged"> {
  const { owner, wish, isRetiring, willExist } = question;
  const lasting = entries.filter(({ grantor }) => grantor === owner || !isRetiring(grantor));
  const grants: Grant[] = [];
  let unchanged = 0;
  for (const [grantee, wanted] of wish.holdings) {
    if (grantee === owner || wanted.privileges === 0 || isRetiring(grantee)) continue;
    const missing = willExist(grantee) ? missingOf(grantee, wanted, lasting) : [];
    if (missing.length === 0) unchanged++;
    grants.push(...missing);
  }
  return { grants, unchanged };
}

function missingOf(grantee: string, wanted: Holding, entries: readonly Entry[]): Grant[] {
  const has = privilegesOf(entries, grantee);
  const privileges = wanted.privileges & ~has.privileges;
  const options = wanted.grantable & ~has.grantable;
  const grants: Grant[] = [
    { grantee, privileges: privileges & ~options, withOption: false, optionOnly: false },
    { grantee, privileges: privileges & options, withOption: true, optionOnly: false },
    { grantee, privileges: options & ~privileges, withOption: true, optionOnly: true },
  ];
  return grants.filter((grant) => grant.privileges !== 0);
}
