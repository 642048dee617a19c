/**
 * What the model wants for each object: its rules, resolved against the objects that there are.
 *
 * Objects of one schema and kind that match the same rules share one wish, so ten thousand tables under a dozen rules
 * cost a dozen wishes. Rules for all objects of a schema are taken as they are; rules with exact names are found by
 * name; only globs and signatures are tried object by object.
 */
import type { AccessRule, ObjectTarget, OwnerRule } from "../model/model.ts";
import { isExactPattern, objectMatcher } from "../model/object-pattern.ts";
import { SYSTEM_SCHEMA } from "../model/selectors.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject, ObjectKind } from "../privileges/catalog-object.ts";
import { knownTo, type PrivilegeSet, privilegeSet } from "../privileges/privilege.ts";
import type { PlanFacts } from "./facts.ts";

export interface Holding {
  privileges: PrivilegeSet;
  grantable: PrivilegeSet;
}

const NOTHING: Holding = { privileges: 0, grantable: 0 };

/** What one list shall hold. */
export class Wish {
  readonly holdings = new Map<string, Holding>();
  /** For those whose list is not exact: what revokes name. */
  readonly taken = new Map<string, PrivilegeSet>();
  /** As `taken`, of which only the right to pass on goes. */
  readonly optionsTaken = new Map<string, PrivilegeSet>();
  readonly #exact: (grantee: string) => boolean;

  constructor(exact: (grantee: string) => boolean) {
    this.#exact = exact;
  }

  of(grantee: string): Holding {
    return this.holdings.get(grantee) ?? NOTHING;
  }

  isExact(grantee: string): boolean {
    return this.#exact(grantee);
  }
}

/** What an object and its columns shall hold. */
export interface ObjectWish {
  list: Wish;
  /** By column; undefined: no rule about columns. */
  columns: ReadonlyMap<string, Wish> | undefined;
  /** For columns that no rule names. */
  otherColumns: Wish;
}

export class Resolver {
  readonly #facts: PlanFacts;
  readonly #rules: RuleIndex<AccessRule>;
  readonly #owners: RuleIndex<OwnerRule>;
  readonly #governed: readonly ((object: CatalogObject) => boolean)[];
  readonly #wishes = new Map<string, ObjectWish>();

  constructor(facts: PlanFacts) {
    this.#facts = facts;
    this.#rules = new RuleIndex(facts.model.rules);
    this.#owners = new RuleIndex(facts.model.owners);
    this.#governed = facts.model.governed.map(objectMatcher);
  }

  /** Whether the model speaks about the lists of `object`. Members of extensions are the extension's business. */
  isGoverned(object: CatalogObject): boolean {
    const { model } = this.#facts;
    if (object.extension !== undefined) return false;
    if (object.kind === "database" && model.governsDatabase && object.name === model.database) return true;
    if (object.kind === "schema" && model.schemas.has(object.name)) return true;
    if (object.schema !== undefined && model.schemas.has(object.schema)) return true;
    return this.#governed.some((matches) => matches(object));
  }

  /** The owner that the model wants; undefined: none in particular. */
  owner(object: CatalogObject): string | undefined {
    if (object.extension !== undefined) return undefined;
    return this.#owners.matching(object).at(-1)?.rule.owner;
  }

  wish(object: CatalogObject): ObjectWish {
    const rules = this.#rules.matching(object);
    const isSystem = object.schema === SYSTEM_SCHEMA;
    const key = `${object.kind} ${isSystem} ${rules.map(({ number }) => number).join(",")}`;
    let wish = this.#wishes.get(key);
    if (!wish) {
      wish = this.#compile(
        { kind: object.kind, isSystem },
        rules.map(({ rule }) => rule),
      );
      this.#wishes.set(key, wish);
    }
    return wish;
  }

  #compile({ kind, isSystem }: Compiled, rules: readonly AccessRule[]): ObjectWish {
    const list = this.#wishOf(
      { kind, isSystem },
      rules.filter(({ columns }) => columns === undefined),
    );
    const onColumns = rules.filter(({ columns }) => columns !== undefined);
    const isExact = (grantee: string): boolean => list.isExact(grantee);
    const names = new Set(onColumns.flatMap(({ columns = [] }) => columns));
    const columns = [...names].map((name) => {
      const wish = new Wish(isExact);
      this.#fill(
        wish,
        kind,
        onColumns.filter(({ columns: some }) => some?.includes(name)),
      );
      return [name, wish] as const;
    });
    return { list, columns: columns.length > 0 ? new Map(columns) : undefined, otherColumns: new Wish(isExact) };
  }

  #wishOf({ kind, isSystem }: Compiled, rules: readonly AccessRule[]): Wish {
    const about = rules.filter(({ role }) => role === PUBLIC);
    const saysAll = about.some(({ effect, privileges }) => effect === "grant" || privileges.length === 0);
    // What initdb gave on the server's own objects is nobody's surplus, in any mode.
    const isAuthoritative = this.#facts.model.mode === "authoritative" && !isSystem;
    const isPublicExact = !this.#facts.isAdditive && (saysAll || isAuthoritative);
    const isExact = (role: string): boolean =>
      this.#facts.isExact(role) && (!isSystem || this.#facts.managed(role) !== undefined);
    const wish = new Wish((grantee) => (grantee === PUBLIC ? isPublicExact : isExact(grantee)));
    // What PostgreSQL gives to everybody by itself is taken away only when the file says so.
    if (isAuthoritative && about.length === 0) {
      const builtIn = privilegeSet(this.#facts.kind(kind).publicByDefault);
      if (builtIn !== 0) wish.holdings.set(PUBLIC, { privileges: builtIn, grantable: 0 });
    }
    this.#fill(wish, kind, rules);
    return wish;
  }

  #fill(wish: Wish, kind: ObjectKind, rules: readonly AccessRule[]): void {
    const isColumn = rules.some(({ columns }) => columns !== undefined);
    const all = isColumn ? COLUMN_ALL : knownTo(privilegeSet(this.#facts.kind(kind).privileges), this.#facts.major);
    const bits = ({ privileges }: AccessRule): PrivilegeSet => (privileges === "all" ? all : privilegeSet(privileges));
    for (const rule of rules) {
      if (rule.effect !== "grant") continue;
      const { privileges, grantable } = wish.of(rule.role);
      const set = bits(rule);
      wish.holdings.set(rule.role, {
        privileges: privileges | set,
        grantable: rule.grantable ? grantable | set : grantable,
      });
    }
    for (const rule of rules) {
      if (rule.effect !== "revoke") continue;
      const { privileges, grantable } = wish.of(rule.role);
      const set = bits(rule);
      const kept = rule.optionOnly ? privileges : privileges & ~set;
      wish.holdings.set(rule.role, { privileges: kept, grantable: grantable & ~set });
      if (this.#facts.isAdditive) continue;
      const taken = rule.optionOnly ? wish.optionsTaken : wish.taken;
      taken.set(rule.role, (taken.get(rule.role) ?? 0) | set);
    }
  }
}

interface Compiled {
  kind: ObjectKind;
  /** It is in the server's own schema. */
  isSystem: boolean;
}

const COLUMN_ALL = privilegeSet(["select", "insert", "update", "references"]);

interface Numbered<Rule> {
  number: number;
  rule: Rule;
}

interface Bucket<Rule> {
  /** Rules about all objects of the kind. */
  all: Numbered<Rule>[];
  byName: Map<string, Numbered<Rule>[]>;
  tried: (Numbered<Rule> & { matches: (object: CatalogObject) => boolean })[];
}

class RuleIndex<Rule extends { target: ObjectTarget }> {
  readonly #buckets = new Map<string, Bucket<Rule>>();

  constructor(rules: readonly Rule[]) {
    rules.forEach((rule, number) => {
      this.#add(rule, number);
    });
  }

  #add(rule: Rule, number: number): void {
    const { kind, schema, patterns, subkinds } = rule.target;
    const key = `${kind} ${schema ?? ""}`;
    const bucket: Bucket<Rule> = this.#buckets.get(key) ?? { all: [], byName: new Map(), tried: [] };
    this.#buckets.set(key, bucket);
    if (subkinds === undefined && patterns.includes("*")) bucket.all.push({ number, rule });
    else if (subkinds === undefined && kind !== "routine" && patterns.every(isExactPattern)) {
      for (const pattern of new Set(patterns)) {
        const name = pattern.replace(/\\(.)/gs, "$1");
        const named = bucket.byName.get(name) ?? [];
        named.push({ number, rule });
        bucket.byName.set(name, named);
      }
    } else bucket.tried.push({ number, rule, matches: objectMatcher(rule.target) });
  }

  /** In the order of the model. */
  matching(object: CatalogObject): readonly Numbered<Rule>[] {
    const bucket = this.#buckets.get(`${object.kind} ${object.schema ?? ""}`);
    if (!bucket) return [];
    const named = bucket.byName.get(object.name);
    if (!named && bucket.tried.length === 0) return bucket.all;
    const tried = bucket.tried.filter(({ matches }) => matches(object));
    if (!named && tried.length === 0) return bucket.all;
    return [...bucket.all, ...(named ?? []), ...tried].sort((one, other) => one.number - other.number);
  }
}
