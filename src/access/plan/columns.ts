/**
 * Privileges on single columns.
 *
 * Taking a privilege from the whole table also takes it from its columns, as far as the same grantor gave both; that is
 * carried out here before the columns are looked at, so that what such a revoke takes along is granted again.
 */
import { ident } from "../../pg/identifiers.ts";
import { type Acl, PUBLIC } from "../catalog/acl.ts";
import { type PrivilegeName, type PrivilegeSet, privilegeNames } from "../catalog/privilege.ts";
import type { CatalogObject } from "../catalog/snapshot.ts";
import { type ListChanges, listChanges, type Revocation } from "./acl-changes.ts";
import { type GrantPlanning, touchedBy, wayOfGrantor, wayOfOwner } from "./acting.ts";
import { STEP } from "./draft.ts";
import { granteeSql, objectText, roleText } from "./naming.ts";
import { lendReach } from "./schema-reach.ts";

/** Column revokes come before those on tables, whose way back then does not have to know of columns. */
const BEFORE_TABLES = -1_000_000;

export function planColumns(table: CatalogObject, tableChanges: ListChanges, planning: GrantPlanning): void {
  const { resolver, facts } = planning;
  const wish = resolver.wish(table);
  if (wish.columns === undefined && table.columns === undefined) return;
  const names = new Set([...(wish.columns?.keys() ?? []), ...(table.columns?.keys() ?? [])]);
  const known = new Set(table.columnNames ?? []);
  const statements = new ColumnStatements(table, planning);
  for (const name of names) {
    const own = wish.columns?.get(name);
    if (!known.has(name)) {
      if (own) planning.book.warn(`${objectText(table)} has no column ${ident(name)}, so nothing is granted on it`);
      continue;
    }
    const question = {
      owner: table.owner ?? "",
      wish: own ?? wish.otherColumns,
      cascade: facts.options.cascade === true,
      isRetiring: (role: string) => facts.isRetiring(role),
      willExist: (role: string) => facts.willExist(role),
    };
    const before = table.columns?.get(name) ?? [];
    const { revocations } = listChanges({ ...question, acl: before });
    const after = afterTableRevokes(without(before, revocations), tableChanges.revocations);
    const { grants, unchanged } = listChanges({ ...question, acl: after });
    planning.book.unchanged += unchanged;
    for (const revocation of revocations) statements.revoke(name, revocation);
    for (const { grantee, privileges, withOption } of grants)
      statements.grant(name, { grantee, privileges, withOption });
  }
  statements.finish();
}

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

/** What the columns keep when privileges on their table go. */
function afterTableRevokes(acl: Acl, revocations: readonly Revocation[]): Acl {
  return without(acl, revocations);
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
    const table = this.#table;
    const { book } = this.#planning;
    for (const { holding, byPrivilege } of this.#grants.values()) {
      const { grantee, withOption } = holding;
      const what = [...byPrivilege].map(([name, columns]) => `${name} (${columns.map(ident).join(", ")})`).join(", ");
      const target = `${what} on table ${table.sql}`;
      const common = {
        sql: `grant ${target} to ${granteeSql(grantee)}${withOption ? " with grant option" : ""}`,
        object: objectText(table),
        role: grantee,
        reason: "the model grants it on these columns",
        touches: touchedBy([table]),
        differences: () => [
          {
            difference: "missing" as const,
            what: "column privilege",
            object: objectText(table),
            role: grantee,
            wanted: what,
            found: undefined,
          },
        ],
      };
      const way = wayOfOwner({ owner: table.owner, objects: [table] }, undefined, this.#planning);
      if (!way.isOpen) {
        book.block({ ...common, needs: way.needs });
        continue;
      }
      lendReach({ objects: [table] }, { way, actor: table.owner, step: STEP.columns }, this.#planning);
      book.add({
        ...common,
        step: STEP.columns,
        kind: "grant",
        requires: way.requires,
        as: way.as,
        inverse: `revoke ${target} from ${granteeSql(grantee)}`,
        ...(grantee === PUBLIC ? { risk: "medium", riskReason: "everybody gets it" } : {}),
      });
    }
  }

  revoke(column: string, revocation: Revocation): void {
    const { grantee, grantor, privileges, grantable, optionOnly, chain, blockedBy, depth } = revocation;
    const table = this.#table;
    const { book } = this.#planning;
    const what = privilegeNames(privileges)
      .map((name) => `${name} (${ident(column)})`)
      .join(", ");
    const target = `${what} on table ${table.sql}`;
    const isOwners = grantor === table.owner;
    const cascade = chain.length > 0 || blockedBy.length > 0 ? " cascade" : "";
    const sql = `revoke ${optionOnly ? "grant option for " : ""}${target} from ${granteeSql(grantee)}${cascade}`;
    const common = {
      sql,
      object: objectText(table),
      role: grantee,
      reason: `the model does not grant it on this column${isOwners ? "" : `; ${roleText(grantor)} granted it`}`,
      touches: touchedBy([table]),
      differences: () => [
        {
          difference: "extra" as const,
          what: "column privilege",
          object: objectText(table),
          role: grantee,
          wanted: undefined,
          found: what,
        },
      ],
    };
    if (blockedBy.length > 0) {
      book.block({ ...common, needs: "--cascade" });
      return;
    }
    const part = { owner: table.owner, objects: [table] };
    const way = isOwners ? wayOfOwner(part, undefined, this.#planning) : wayOfGrantor(grantor, part, this.#planning);
    if (!way.isOpen) {
      book.block({ ...common, needs: way.needs });
      return;
    }
    lendReach(part, { way, actor: isOwners ? table.owner : grantor, step: STEP.revokes }, this.#planning);
    book.add({
      ...common,
      step: STEP.revokes,
      rank: BEFORE_TABLES - depth,
      kind: "revoke",
      requires: way.requires,
      as: way.as,
      inverse: `grant ${target} to ${granteeSql(grantee)}${optionOnly || grantable === privileges ? " with grant option" : ""}`,
      risk: "medium",
      riskReason: "whoever relies on it is refused from then on",
    });
  }
}
