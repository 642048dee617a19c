/**
 * First match wins: which rules a connection can still get to, past those before them.
 *
 * A rule's connections are taken apart into kind (plain, TLS, Kerberos, socket), address family, word of the user column
 * and word of the database column. A rule is out of reach when each of these parts is taken by one earlier rule. That is
 * sound, and not complete: two rules that cover an address only together are not added up, except all of IPv4 and all
 * of IPv6.
 */
import { Unanswered } from "../answers.ts";
import { type AddressPart, coverer, partsOf } from "./address.ts";
import type { ConnectionKind, HbaFacts, HbaRule, HbaToken, HbaType } from "./hba.ts";
import { type Answer, DatabaseSet, UserSet, type WordContext } from "./word-sets.ts";

const KINDS: Readonly<Record<HbaType, readonly ConnectionKind[]>> = {
  local: ["local"],
  host: ["plain", "ssl", "gss"],
  hostssl: ["ssl"],
  hostnossl: ["plain", "gss"],
  hostgssenc: ["gss"],
  hostnogssenc: ["plain", "ssl"],
};

/** Kinds of connections that a rule is asked for. */
export function kindsOf({ type }: Pick<HbaRule, "type">): readonly ConnectionKind[] {
  return KINDS[type];
}

/** A part of what a rule admits; absent: all of it. */
export interface Slice {
  kinds?: readonly ConnectionKind[] | undefined;
  /** One role that the rule admits. */
  role?: string | undefined;
  /** Words of the database column that are asked about. */
  databases?: ((token: HbaToken) => boolean) | undefined;
}

/** 60 million comparisons: about two seconds, which five thousand rules and five superusers take. */
const MAX_STEPS = 60_000_000;

interface Prepared {
  rule: HbaRule;
  kinds: readonly ConnectionKind[];
  parts: readonly AddressPart[];
  covers(part: AddressPart): boolean;
  users: UserSet;
  databases: DatabaseSet;
}

/** Local rules have one part, which only local rules cover; their kind says so. */
const LOCAL_PART: AddressPart = { family: 4, address: { kind: "all" }, ipv4: undefined };

export class RuleOrder {
  readonly #prepared: readonly Prepared[];
  readonly #indexes: ReadonlyMap<HbaRule, number>;
  readonly #isExact: boolean;
  #steps = 0;

  constructor({ rules, isExact }: Pick<HbaFacts, "rules" | "isExact">, roles: WordContext["roles"]) {
    this.#prepared = rules.map((rule) => prepared(rule, { isExact, roles }));
    this.#isExact = isExact;
    this.#indexes = new Map(rules.map((rule, index) => [rule, index]));
  }

  /** Whether the role logs in by the user column of `rule`. */
  admits(rule: HbaRule, role: string): boolean {
    return this.#of(rule)?.users.admits(role) !== "no";
  }

  /**
   * Whether some connection of the slice gets as far as `rule`. Throws Unanswered when that depends on what is
   * not known: quotes that the view does not show, members without a server.
   */
  isReached(rule: HbaRule, slice: Slice = {}): boolean {
    const own = this.#of(rule);
    const index = this.#indexes.get(rule) ?? 0;
    if (own === undefined) return true;
    let isUnsure = false;
    for (const kind of own.kinds.filter((each) => slice.kinds?.includes(each) ?? true)) {
      for (const part of own.parts) {
        const taken = this.#isTaken(own, index, { kind, part, slice });
        if (taken === "no") return true;
        if (taken === "maybe") isUnsure = true;
      }
    }
    if (isUnsure) throw unsure(this.#isExact);
    return false;
  }

  /** The first earlier rule that alone takes everything from `rule`. Throws Unanswered as above. */
  coverOf(rule: HbaRule): HbaRule | undefined {
    const own = this.#of(rule);
    const index = this.#indexes.get(rule) ?? 0;
    if (own === undefined) return undefined;
    let isUnsure = false;
    this.#count(index);
    for (let place = 0; place < index; place++) {
      const earlier = this.#prepared[place];
      if (earlier === undefined || !own.parts.every((part) => earlier.covers(part))) continue;
      if (!own.kinds.every((kind) => earlier.kinds.includes(kind))) continue;
      const answer = both(this.#coversUsers(earlier, rule), () => this.#coversDatabases(earlier, rule));
      if (answer === "yes") return earlier.rule;
      if (answer === "maybe") isUnsure = true;
    }
    if (isUnsure) throw unsure(this.#isExact);
    return undefined;
  }

  #of(rule: HbaRule): Prepared | undefined {
    return this.#prepared[this.#indexes.get(rule) ?? -1];
  }

  #coversUsers(earlier: Prepared, { users }: HbaRule): Answer {
    this.#count(users.length);
    return every(users, (token) => earlier.users.covers(token));
  }

  #coversDatabases(earlier: Prepared, { databases }: HbaRule): Answer {
    this.#count(databases.length);
    return every(databases, (token) => earlier.databases.covers(token));
  }

  /** Whether earlier rules take every pair of user and database of one kind and family. */
  #isTaken(own: Prepared, index: number, atom: { kind: ConnectionKind; part: AddressPart; slice: Slice }) {
    this.#count(index);
    const earlier: Prepared[] = [];
    for (let place = 0; place < index; place++) {
      const each = this.#prepared[place];
      if (each?.covers(atom.part) && each.kinds.includes(atom.kind)) earlier.push(each);
    }
    const { role, databases = () => true } = atom.slice;
    let taken: Answer = "yes";
    for (const database of own.rule.databases.filter(databases)) {
      const fitting = this.#fitting(earlier, (each) => each.databases.covers(database));
      const asked = role === undefined ? own.rule.users : [role];
      for (const user of asked) {
        const answer = this.#best(fitting, ({ users }) =>
          typeof user === "string" ? users.admits(user) : users.covers(user),
        );
        if (answer === "no") return "no";
        if (answer === "maybe") taken = "maybe";
      }
    }
    return taken;
  }

  #fitting(earlier: readonly Prepared[], covers: (each: Prepared) => Answer): { each: Prepared; by: Answer }[] {
    this.#count(earlier.length);
    return earlier.flatMap((each) => {
      const by = covers(each);
      return by === "no" ? [] : [{ each, by }];
    });
  }

  #best(fitting: readonly { each: Prepared; by: Answer }[], covers: (each: Prepared) => Answer): Answer {
    let best: Answer = "no";
    for (const { each, by } of fitting) {
      this.#count(1);
      const answer = both(by, () => covers(each));
      if (answer === "yes") return "yes";
      if (answer === "maybe") best = "maybe";
    }
    return best;
  }

  #count(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw new Unanswered("pg_hba.conf has too many rules and words to compare them all");
  }
}

function prepared(rule: HbaRule, context: WordContext): Prepared {
  const { address } = rule;
  return {
    rule,
    kinds: kindsOf(rule),
    parts: address === undefined ? [LOCAL_PART] : partsOf(address),
    covers: address === undefined ? (part) => part === LOCAL_PART : coverer(address),
    users: new UserSet(rule.users, context),
    databases: new DatabaseSet(rule.databases, context),
  };
}

function both(first: Answer, second: () => Answer): Answer {
  if (first === "no") return "no";
  const other = second();
  return other === "yes" ? first : other;
}

function every<Item>(items: readonly Item[], ask: (item: Item) => Answer): Answer {
  let whole: Answer = "yes";
  for (const item of items) {
    const answer = ask(item);
    if (answer === "no") return "no";
    if (answer === "maybe") whole = "maybe";
  }
  return whole;
}

function unsure(isExact: boolean): Unanswered {
  if (isExact) return new Unanswered("it depends on members of a role, or on a pattern, that are not known here");
  return new Unanswered("it depends on quotes in pg_hba.conf, which the server's view does not show", "superuser");
}
