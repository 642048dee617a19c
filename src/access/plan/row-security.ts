/**
 * Row level security: switched on or off, forced or not, and the policies of each governed table.
 *
 * What ALTER POLICY cannot change (command, permissive or restrictive, taking an expression away) is dropped and made
 * anew in the same transaction. New policies come before the switch, so that a table is never closed to everybody.
 */
import { ident, qualified } from "../../pg/identifiers.ts";
import type { Policy } from "../catalog/snapshot.ts";
import type { PolicyModel, RowSecurityModel } from "../model/model.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import type { GrantPlanning } from "./acting.ts";
import { type Blocked, type Difference, STEP, type Touched } from "./draft.ts";
import { granteeSql, objectText } from "./naming.ts";
import { hasSameExpressions, markSql } from "./policy-mark.ts";
import { lendReach } from "./schema-reach.ts";

interface TablePlanning {
  table: CatalogObject;
  /** Keeps the statements of one table together. */
  rank: number;
  planning: GrantPlanning;
}

export function planRowSecurity(planning: GrantPlanning): void {
  const { facts, book, present } = planning;
  if (facts.model.rowSecurity.length === 0) return;
  const tables = new Map(present.of("table").map((table) => [table.sql, table]));
  const policies = new Map<string, Policy[]>();
  for (const policy of facts.snapshot.policies) {
    const key = qualified(policy.schema, policy.table);
    policies.set(key, [...(policies.get(key) ?? []), policy]);
  }
  for (const [index, model] of facts.model.rowSecurity.entries()) {
    const sql = qualified(model.schema, model.table);
    const table = tables.get(sql);
    if (table) planTable(model, policies.get(sql) ?? [], { table, rank: index * 10, planning });
    else book.block(missingTable(sql));
  }
}

function missingTable(sql: string): Blocked {
  const object = `table ${sql}`;
  return {
    sql: `alter table ${sql} enable row level security`,
    object,
    role: undefined,
    reason: "the model has its row level security, and the table is not there",
    needs: "whoever makes the table",
    touches: [{ about: "object", kind: "table", sql }],
    differences: () => [
      { difference: "missing", what: "row security", object, role: undefined, wanted: "on", found: undefined },
    ],
  };
}

function planTable(model: RowSecurityModel, present: readonly Policy[], at: TablePlanning): void {
  const { facts } = at.planning;
  const wanted = new Map(model.policies.map((policy) => [policy.name, policy]));
  for (const policy of model.policies) {
    planPolicy(
      policy,
      present.find(({ name }) => name === policy.name),
      at,
    );
  }
  planSwitch(
    {
      word: "row level security",
      wanted: model.enable,
      found: at.table.rowSecurity?.enabled ?? false,
      on: "enable",
      off: "disable",
      rank: 3,
    },
    at,
  );
  planSwitch(
    {
      word: "forced row level security",
      wanted: model.force,
      found: at.table.rowSecurity?.forced ?? false,
      on: "force",
      off: "no force",
      rank: 4,
    },
    at,
  );
  if (facts.isAdditive) return;
  for (const policy of present)
    if (!wanted.has(policy.name)) dropPolicy(policy, { rank: 5, reason: "the model does not have it" }, at);
}

interface Switch {
  word: string;
  wanted: boolean;
  found: boolean;
  on: string;
  off: string;
  rank: number;
}

function planSwitch({ word, wanted, found, on, off, rank }: Switch, at: TablePlanning): void {
  const { book, facts } = at.planning;
  if (wanted === found) {
    book.unchanged++;
    return;
  }
  if (facts.isAdditive && !wanted) return;
  const sql = (isOn: boolean): string => `alter table ${at.table.sql} ${isOn ? on : off} row level security`;
  add(
    {
      sql: sql(wanted),
      inverse: sql(found),
      rank,
      reason: `the model has ${word} ${wanted ? "on" : "off"}`,
      difference: { difference: "different", what: "row security", wanted: wanted ? on : off, found: found ? on : off },
      risk: wanted ? "medium" : "high",
      riskReason: wanted
        ? "rows that no policy admits are hidden from then on"
        : "every row is open to whoever has the table",
    },
    at,
  );
}

function planPolicy(wanted: PolicyModel, present: Policy | undefined, at: TablePlanning): void {
  const { facts, book } = at.planning;
  if (!present) {
    createPolicy(wanted, { rank: 1, reason: "the model has it and the table has not" }, at);
    return;
  }
  const isSame = hasSameExpressions(wanted, present);
  const hasSameRoles = rolesText(wanted.to) === rolesText(present.roles);
  const isSameKind = wanted.command === present.command && wanted.permissive === present.permissive;
  if (isSame && hasSameRoles && isSameKind) {
    book.unchanged++;
    return;
  }
  if (facts.isAdditive) return;
  const loses =
    (wanted.using === undefined && present.using !== undefined) ||
    (wanted.check === undefined && present.check !== undefined);
  if (!isSameKind || loses) {
    dropPolicy(present, { rank: 0, reason: "the model has it otherwise, which only making it anew can do" }, at);
    createPolicy(wanted, { rank: 1, reason: "the model has it otherwise" }, at);
    return;
  }
  alterPolicy({ wanted, present, isSame, hasSameRoles }, at);
}

function rolesText(roles: readonly string[]): string {
  return JSON.stringify([...new Set(roles.length === 0 ? [PUBLIC] : roles)].sort());
}

type Clauses = Pick<PolicyModel, "using" | "check"> & { roles: readonly string[] | undefined };

function clauses({ using, check, roles }: Clauses): string {
  return [
    roles && ` to ${(roles.length === 0 ? [PUBLIC] : roles).map(granteeSql).join(", ")}`,
    using !== undefined && ` using (${using})`,
    check !== undefined && ` with check (${check})`,
  ]
    .filter(Boolean)
    .join("");
}

interface Reason {
  rank: number;
  reason: string;
}

/** The words stand apart because definitions of the product's own objects are kept elsewhere. */
function creation(policy: Policy | PolicyModel, table: CatalogObject): string {
  const roles = "to" in policy ? policy.to : policy.roles;
  const head = ["create policy", ident(policy.name), "on", table.sql].join(" ");
  const kind = policy.permissive ? "" : " as restrictive";
  return `${head}${kind} for ${policy.command}${clauses({ using: policy.using, check: policy.check, roles })}`;
}

function createPolicy(policy: PolicyModel, { rank, reason }: Reason, at: TablePlanning): void {
  const { table } = at;
  const sql = creation(policy, table);
  const isAdded = add(
    {
      sql,
      inverse: `drop policy ${ident(policy.name)} on ${table.sql}`,
      rank,
      reason,
      difference: { difference: "missing", what: "policy", wanted: policy.name, found: undefined },
      risk: "medium",
      riskReason: "it decides who sees which rows",
    },
    at,
  );
  if (isAdded) leaveMark(policy, { comment: undefined, rank }, at);
}

interface PolicyChange {
  wanted: PolicyModel;
  present: Policy;
  /** Whether the expressions are alike. */
  isSame: boolean;
  hasSameRoles: boolean;
}

function alterPolicy({ wanted, present, isSame, hasSameRoles }: PolicyChange, at: TablePlanning): void {
  const head = `alter policy ${ident(wanted.name)} on ${at.table.sql}`;
  const part = (policy: Pick<PolicyModel, "using" | "check">, roles: readonly string[]): string =>
    clauses({ ...(isSame ? { using: undefined, check: undefined } : policy), roles: hasSameRoles ? undefined : roles });
  const isAdded = add(
    {
      sql: `${head}${part(wanted, wanted.to)}`,
      inverse: `${head}${part(present, present.roles)}`,
      rank: 1,
      reason: "the model has it otherwise",
      difference: {
        difference: "different",
        what: "policy",
        wanted: `${wanted.name}${clauses({ ...wanted, roles: wanted.to })}`,
        found: `${present.name}${clauses(present)}`,
      },
      risk: "medium",
      riskReason: "it decides who sees which rows",
    },
    at,
  );
  if (isAdded && !isSame) leaveMark(wanted, { comment: present.comment, rank: 1 }, at);
}

/** `comment`: what the policy has as one so far. */
function leaveMark(
  policy: PolicyModel,
  { comment, rank }: { comment: string | undefined; rank: number },
  at: TablePlanning,
): void {
  if (policy.using === undefined && policy.check === undefined) return;
  const { schema = "", name, sql } = at.table;
  add(
    {
      sql: markSql({ schema, table: name, sql }, policy, comment),
      inverse: undefined,
      rank,
      reason: "remembers the model's expression, because the server writes it in its own words",
      difference: undefined,
      kind: "comment",
    },
    at,
  );
}

function dropPolicy(policy: Policy, { rank, reason }: Reason, at: TablePlanning): void {
  add(
    {
      sql: `drop policy ${ident(policy.name)} on ${at.table.sql}`,
      inverse: creation(policy, at.table),
      rank,
      reason,
      difference: { difference: "extra", what: "policy", wanted: undefined, found: policy.name },
      risk: "high",
      riskReason: "it decides who sees which rows",
    },
    at,
  );
}

interface TableStatement {
  sql: string;
  inverse: string | undefined;
  rank: number;
  reason: string;
  difference: Pick<Difference, "difference" | "what" | "wanted" | "found"> | undefined;
  kind?: "comment";
  risk?: "medium" | "high";
  riskReason?: string;
}

function add({ rank, difference, kind, ...statement }: TableStatement, at: TablePlanning): boolean {
  const { table, planning } = at;
  const object = objectText(table);
  const common = {
    ...statement,
    object,
    role: undefined,
    touches: [{ about: "object", kind: "table", sql: table.sql }] satisfies Touched[],
    differences: (): readonly Difference[] => (difference ? [{ ...difference, object, role: undefined }] : []),
  };
  const way = planning.rights.privilegesOf(table.owner ?? "");
  if (!way.isOpen) {
    const { sql, reason, touches, differences } = common;
    planning.book.block({ sql, object, role: undefined, reason, needs: way.needs, touches, differences });
    return false;
  }
  lendReach({ objects: [table] }, { way, actor: table.owner, step: STEP.rowSecurity }, planning);
  planning.book.add({
    ...common,
    step: STEP.rowSecurity,
    rank: at.rank + rank,
    kind: kind ?? "row security",
    requires: way.requires,
    as: way.as,
    lock: kind === "comment" ? "none" : "access exclusive",
  });
  return true;
}
