/**
 * Privileges on single columns.
 *
 * Taking a privilege from the whole table also takes it from its columns, as far as the same grantor gave both; that is
 * carried out here before the columns are looked at, so that what such a revoke takes along is granted again.
 */
import { ident } from "../../pg/identifiers.ts";
import { type Acl, PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { type PrivilegeName, type PrivilegeSet, privilegeNames } from "../privileges/privilege.ts";
import { type ListChanges, listChanges, type Revocation } from "./acl-changes.ts";
import { type GrantPlanning, touchedBy, wayOfGrantor, wayOfOwner } from "./acting.ts";
import { type Difference, STEP, type Way } from "./draft.ts";
import { granteeSql, objectText, roleText } from "./naming.ts";
import type { Wish } from "./resolve.ts";
import { lendReach } from "./schema-reach.ts";

/** Column revokes come before those on tables, whose way back then does not have to know of columns. */
const BEFORE_TABLES = -1_000_000;

export function planColumns(table: CatalogObject, tableChanges: ListChanges, planning: GrantPlanning): void {
  const wish = planning.resolver.wish(table);
  if (wish.columns === undefined && table.columns === undefined) return;
  const names = new Set([...(wish.columns?.keys() ?? []), ...(table.columns?.keys() ?? [])]);
  const known = new Set(table.columnNames ?? []);
  const statements = new ColumnStatements(table, planning);
  for (const name of names) {
    const own = wish.columns?.get(name);
    if (known.has(name)) {
      planColumn(name, { table, tableChanges, wish: own ?? wish.otherColumns, statements, planning });
    } else if (own) {
      planning.book.warn(`${objectText(table)} has no column ${ident(name)}, so nothing is granted on it`);
    }
  }
  statements.finish();
}

interface ColumnPlanning {
  table: CatalogObject;
  tableChanges: ListChanges;
  wish: Wish;
  statements: ColumnStatements;
  planning: GrantPlanning;
}

function planColumn(name: string, { table, tableChanges, wish, statements, planning }: ColumnPlanning): void {
  const { facts, book } = planning;
  const question = {
    owner: table.owner ?? "",
    wish,
    cascade: facts.options.cascade === true,
    isRetiring: (role: string) => facts.isRetiring(role),
    willExist: (role: string) => facts.willExist(role),
  };
  const before = table.columns?.get(name) ?? [];
  const { revocations } = listChanges({ ...question, acl: before });
  const after = without(without(before, revocations), tableChanges.revocations);
  const { grants, unchanged } = listChanges({ ...question, acl: after });
  book.unchanged += unchanged;
  for (const revocation of revocations) statements.revoke(name, revocation);
  for (const { grantee, privileges, withOption } of grants) statements.grant(name, { grantee, privileges, withOption });
}

/** What is left of a list. Of the columns', also when privileges on their table go: those take the columns' along. */
function without(acl: Acl, revocations: readonly Revocation[]): Acl {
  return acl.map((entry) => {
    const taken = revocations.filter(({ grantee, grantor }) => grantee === entry.grantee && grantor === entry.grantor);
    let { privileges, grantable } = entry;
    for (const { privileges: bits, optionOnly, blockedBy } of taken) {
      if (blockedBy.length > 0) continue;
      grantable &= ~bits;
      if (!optionOnly) privileges &= ~bits;
    }
    return { ...entry, privileges, grantable };
  });
}

interface Holding {
  grantee: string;
  privileges: PrivilegeSet;
  withOption: boolean;
}

/** One statement for all columns of a table that give or take alike. */
class ColumnStatements {
  readonly #table: CatalogObject;
  readonly #planning: GrantPlanning;
  readonly #grants = new Map<
    string,
    { holding: Omit<Holding, "privileges">; byPrivilege: Map<PrivilegeName, string[]> }
  >();

  constructor(table: CatalogObject, planning: GrantPlanning) {
    this.#table = table;
    this.#planning = planning;
  }

  grant(column: string, { grantee, privileges, withOption }: Holding): void {
    const key = JSON.stringify([grantee, withOption]);
    const gathered = this.#grants.get(key) ?? { holding: { grantee, withOption }, byPrivilege: new Map() };
    this.#grants.set(key, gathered);
    for (const name of privilegeNames(privileges)) {
      gathered.byPrivilege.set(name, [...(gathered.byPrivilege.get(name) ?? []), column]);
    }
  }

  finish(): void {
    for (const { holding, byPrivilege } of this.#grants.values()) this.#planGrant(holding, columnsText(byPrivilege));
  }

  #planGrant({ grantee, withOption }: Omit<Holding, "privileges">, what: string): void {
    const table = this.#table;
    const { book } = this.#planning;
    const to = granteeSql(grantee);
    const target = `${what} on table ${table.sql}`;
    const common = {
      sql: `grant ${target} to ${to}${withOption ? " with grant option" : ""}`,
      reason: "the model grants it on these columns",
      ...this.#about({ difference: "missing", role: grantee, wanted: what, found: undefined }),
    };
    const way = wayOfOwner({ owner: table.owner, objects: [table] }, undefined, this.#planning);
    if (!way.isOpen) {
      book.block({ ...common, needs: way.needs });
      return;
    }
    lendReach({ objects: [table] }, { way, actor: table.owner, step: STEP.columns }, this.#planning);
    book.add({
      ...common,
      step: STEP.columns,
      kind: "grant",
      requires: way.requires,
      as: way.as,
      inverse: `revoke ${target} from ${to}`,
      ...(grantee === PUBLIC ? { risk: "medium", riskReason: "everybody gets it" } : {}),
    });
  }

  revoke(column: string, revocation: Revocation): void {
    const { grantee, grantor, depth } = revocation;
    const { owner } = this.#table;
    const { book } = this.#planning;
    const { what, sql, inverse } = this.#textsOf(column, revocation);
    const isOwners = grantor === owner;
    const common = {
      sql,
      reason: `the model does not grant it on this column${isOwners ? "" : `; ${roleText(grantor)} granted it`}`,
      ...this.#about({ difference: "extra", role: grantee, wanted: undefined, found: what }),
    };
    const way = this.#wayToTake(revocation, isOwners);
    if (!way.isOpen) {
      book.block({ ...common, needs: way.needs });
      return;
    }
    const actor = isOwners ? owner : grantor;
    lendReach({ objects: [this.#table] }, { way, actor, step: STEP.revokes }, this.#planning);
    book.add({
      ...common,
      step: STEP.revokes,
      rank: BEFORE_TABLES - depth,
      kind: "revoke",
      requires: way.requires,
      as: way.as,
      inverse,
      risk: "medium",
      riskReason: "whoever relies on it is refused from then on",
    });
  }

  #textsOf(column: string, { grantee, privileges, grantable, optionOnly, chain, blockedBy }: Revocation) {
    const what = columnsText(privilegeNames(privileges).map((name) => [name, [column]]));
    const target = `${what} on table ${this.#table.sql}`;
    const role = granteeSql(grantee);
    const cascade = chain.length > 0 || blockedBy.length > 0 ? " cascade" : "";
    const hadOption = optionOnly || grantable === privileges;
    return {
      what,
      sql: `revoke ${optionOnly ? "grant option for " : ""}${target} from ${role}${cascade}`,
      inverse: `grant ${target} to ${role}${hadOption ? " with grant option" : ""}`,
    };
  }

  #wayToTake({ grantor, blockedBy }: Revocation, isOwners: boolean): Way {
    if (blockedBy.length > 0) return { isOpen: false, needs: "--cascade" };
    const part = { owner: this.#table.owner, objects: [this.#table] };
    return isOwners ? wayOfOwner(part, undefined, this.#planning) : wayOfGrantor(grantor, part, this.#planning);
  }

  /** What every statement about columns of this table says of itself. */
  #about({ difference, role, wanted, found }: Omit<Difference, "what" | "object">) {
    const object = objectText(this.#table);
    return {
      object,
      role,
      touches: touchedBy([this.#table]),
      differences: (): readonly Difference[] => [{ difference, what: "column privilege", object, role, wanted, found }],
    };
  }
}

/** `select ("id", "name"), update ("name")` */
function columnsText(byPrivilege: Iterable<readonly [PrivilegeName, readonly string[]]>): string {
  return [...byPrivilege].map(([name, columns]) => `${name} (${columns.map(ident).join(", ")})`).join(", ");
}
