/**
 * Who is a member of which role, with which options.
 *
 * From 16 on each membership belongs to who granted it, and only counts together with the others of the same pair: an
 * option is there when one row has it, and is gone when none has. Rows are therefore taken away one by one, each in
 * its grantor's name. The row with ADMIN alone that a server gives the creator of a role is part of the role, not drift.
 */
import { ident } from "../../pg/identifiers.ts";
import { grantorSql, revokeMembership, revokeOption } from "../catalog/membership-sql.ts";
import type { Membership } from "../catalog/snapshot.ts";
import type { MembershipModel } from "../model/model.ts";
import type { Planning } from "./acting.ts";
import { type Difference, type Proposal, STEP, type Step } from "./draft.ts";
import type { PlanFacts } from "./facts.ts";
import { isIgnoredName } from "./ignored-roles.ts";
import { roleText } from "./naming.ts";
import type { Rights } from "./required-rights.ts";

export function planMemberships(planning: Planning): void {
  const { facts } = planning;
  const rows = rowsByPair(facts.snapshot.memberships);
  const wanted = new Map(facts.model.memberships.map((membership) => [pairOf(membership), membership]));
  for (const [pair, membership] of wanted) {
    if (!facts.willExist(membership.role) || !facts.willExist(membership.member)) continue;
    planWanted(membership, rows.get(pair) ?? [], planning);
  }
  if (facts.isAdditive) return;
  const surplus = facts.snapshot.memberships.filter((row) => !wanted.has(pairOf(row)) && isGoverned(row, facts));
  for (const row of deepestFirst(surplus)) planRevoke(row, "the model does not have it", planning);
}

function pairOf({ role, member }: { role: string; member: string }): string {
  return JSON.stringify([role, member]);
}

function rowsByPair(memberships: readonly Membership[]): Map<string, Membership[]> {
  const rows = new Map<string, Membership[]>();
  for (const row of memberships) rows.set(pairOf(row), [...(rows.get(pairOf(row)) ?? []), row]);
  return rows;
}

/** The row that PostgreSQL 16 and later give to who makes a role. */
export function isCreatorsRow({ grantor, admin, inherit, set }: Membership, { major, bootstrap }: PlanFacts): boolean {
  return major >= 16 && grantor === bootstrap && admin && !inherit && !set;
}

function isGoverned(row: Membership, facts: PlanFacts): boolean {
  const { role, member } = row;
  if (isCreatorsRow(row, facts) || facts.isRetiring(role) || facts.isRetiring(member)) return false;
  if (!facts.isAddressable(role) || !facts.isAddressable(member)) return false;
  if (facts.managed(member)) return true;
  if (facts.model.mode !== "authoritative" || !facts.managed(role)) return false;
  const isExecutor = member === facts.snapshot.executor.currentUser;
  return !isExecutor && !isIgnoredName(member) && facts.existing(member)?.superuser !== true;
}

interface Options {
  admin: boolean;
  inherit: boolean;
  set: boolean;
}

function planWanted(wanted: MembershipModel, rows: readonly Membership[], planning: Planning): void {
  const { facts, book } = planning;
  const lasting = rows.filter((row) => !facts.isRetiring(row.grantor));
  const options = optionsOf(wanted, facts);
  const taken = facts.isAdditive ? [] : lasting.flatMap((row) => planTaken(row, { wanted, options }, planning));
  const left = lasting.map((row) => taken.find((change) => change.row === row)?.left ?? row);
  const present = left.filter((row) => !isCreatorsRow(row, facts));
  const has = (option: keyof Options): boolean => left.some((row) => row[option]);
  const isComplete =
    present.length > 0 &&
    (!options.admin || has("admin")) &&
    (facts.major < 16 || ((!options.inherit || has("inherit")) && (!options.set || has("set"))));
  if (isComplete) {
    if (taken.length === 0) book.unchanged++;
    return;
  }
  planGrant(wanted, { options, rows: left }, planning);
}

/** undefined in the model: what the server would give by itself. */
function optionsOf({ member, inherit, set, admin }: MembershipModel, facts: PlanFacts): Options {
  const attribute = facts.managed(member)?.inherit ?? facts.existing(member)?.inherit ?? true;
  return { admin, inherit: inherit ?? attribute, set: set ?? true };
}

interface Wanted {
  wanted: MembershipModel;
  options: Options;
}

/** Options of `row` that the model does not want; nothing, or the row as it is without those that can be taken. */
function planTaken(row: Membership, wanted: Wanted, planning: Planning): { row: Membership; left: Membership }[] {
  const { facts } = planning;
  if (isCreatorsRow(row, facts)) return [];
  const names = OPTION_NAMES.filter(
    (name) => row[name] && !wanted.options[name] && (name === "admin" || facts.major >= 16),
  );
  if (names.length === 0) return [];
  const left = { ...row };
  for (const name of names) if (planOption(name, row, { ...wanted, planning })) left[name] = false;
  return [{ row, left }];
}

const OPTION_NAMES = ["admin", "inherit", "set"] as const;

/** Whether there is a way to take the option. */
function planOption(
  name: keyof Options,
  row: Membership,
  { wanted, options, planning: { facts, book, rights } }: Wanted & { planning: Planning },
): boolean {
  const way = rights.revokeRole(row);
  const draft: Proposal = {
    sql: revokeOption(name, row, facts.major),
    object: roleText(row.role),
    role: row.member,
    reason: `the model has it without ${name}${grantedBy(row, facts)}`,
    touches: [{ about: "memberships", role: row.role }],
    differences: () => [
      difference("different", wanted, { wanted: optionsText(options, facts), found: optionsText(row, facts) }),
    ],
    step: stepOfTaking(row, rights),
    rank: -10,
    kind: "revoke role",
    inverse: `grant ${ident(row.role)} to ${ident(row.member)}${optionSql(name, row, facts)}`,
    risk: "medium",
    riskReason: "the member may no longer do so",
  };
  book.propose(draft, way);
  return way.isOpen;
}

function optionSql(name: keyof Options, row: Membership, { major }: PlanFacts): string {
  return major >= 16 ? ` with ${name} true${grantorSql(row, major)}` : " with admin option";
}

/** What the executor has itself may be what the rest of the plan runs with. */
function stepOfTaking({ member }: Membership, { executor }: Rights): Step {
  return member === executor ? STEP.cleanUp : STEP.memberships;
}

function planGrant(
  wanted: MembershipModel,
  { options, rows }: { options: Options; rows: readonly Membership[] },
  { facts, book, rights }: Planning,
): void {
  const { role, member } = wanted;
  const found = rows.find((row) => !isCreatorsRow(row, facts));
  const common = {
    sql: `grant ${ident(role)} to ${ident(member)}${optionsSql(options, rows, facts)}`,
    object: roleText(role),
    role: member,
    reason: found ? "the model has it with other options" : "the model has it",
    touches: [{ about: "memberships" as const, role }],
    differences: (): readonly Difference[] => [
      difference(found ? "different" : "missing", wanted, {
        wanted: optionsText(options, facts),
        found: found && optionsText(found, facts),
      }),
    ],
  };
  const isPowerful = facts.isSuperuser(role) || role.startsWith("pg_");
  const draft: Proposal = {
    ...common,
    step: STEP.memberships,
    rank: 0,
    kind: "grant role",
    inverse: found
      ? `grant ${ident(role)} to ${ident(member)}${optionsSql(found, rows, facts)}`
      : `revoke ${ident(role)} from ${ident(member)}`,
    ...(isPowerful ? { risk: "medium", riskReason: `${roleText(role)} gives more than objects of this database` } : {}),
  };
  book.propose(draft, rights.grantRole(role));
}

/** From 16 on every option is written, but ADMIN where the creator's own row would lose it. */
function optionsSql(options: Options, rows: readonly Membership[], facts: PlanFacts): string {
  if (facts.major < 16) return options.admin ? " with admin option" : "";
  const keepsAdmin = !options.admin && rows.some((row) => isCreatorsRow(row, facts));
  const admin = keepsAdmin ? "" : `admin ${options.admin}, `;
  return ` with ${admin}inherit ${options.inherit}, set ${options.set}`;
}

function planRevoke(row: Membership, reason: string, { facts, book, rights }: Planning): void {
  const dependents = dependentsOf(row, facts.snapshot.memberships, facts);
  const strangers = dependents.filter((each) => !isGoverned(each, facts));
  const common = {
    sql: `${revokeMembership(row, facts.major)}${strangers.length > 0 ? " cascade" : ""}`,
    object: roleText(row.role),
    role: row.member,
    reason: `${reason}${grantedBy(row, facts)}`,
    touches: [{ about: "memberships" as const, role: row.role }],
    differences: (): readonly Difference[] => [
      difference("extra", row, { wanted: undefined, found: optionsText(row, facts) }),
    ],
  };
  if (strangers.length > 0 && !facts.options.cascade) {
    const names = strangers.map(({ member }) => roleText(member)).join(", ");
    const why = `${common.reason}; what it passed on would go with it: ${names}`;
    book.block({ ...common, reason: why, needs: "--cascade" });
    return;
  }
  const draft: Proposal = {
    ...common,
    step: stepOfTaking(row, rights),
    rank: -20 - depthOf(row, facts.snapshot.memberships),
    kind: "revoke role",
    inverse: `grant ${ident(row.role)} to ${ident(row.member)}${asItWas(row, facts)}`,
    risk: "medium",
    riskReason: "the member loses the role's rights",
  };
  book.propose(draft, rights.revokeRole(row));
}

/** The options of a row, and whose it is, as they follow GRANT. */
function asItWas(row: Membership, { major }: PlanFacts): string {
  if (major < 16) return row.admin ? " with admin option" : "";
  return ` with admin ${row.admin}, inherit ${row.inherit}, set ${row.set}${grantorSql(row, major)}`;
}

/** Up to 15 nothing depends on who granted. */
function dependentsOf(row: Membership, all: readonly Membership[], { major }: PlanFacts): Membership[] {
  if (major < 16 || !row.admin) return [];
  const keepsAdmin = all.some(
    (each) => each !== row && each.role === row.role && each.member === row.member && each.admin,
  );
  return keepsAdmin ? [] : all.filter((each) => each.role === row.role && each.grantor === row.member && each !== row);
}

function depthOf(row: Membership, all: readonly Membership[]): number {
  let depth = 0;
  let grantor = row.grantor;
  for (; depth < 8; depth++) {
    const above = all.find(
      (each) => each.role === row.role && each.member === grantor && each.admin && each.grantor !== grantor,
    );
    if (!above) break;
    grantor = above.grantor;
  }
  return depth;
}

function deepestFirst(rows: readonly Membership[]): Membership[] {
  return [...rows].sort((one, other) => depthOf(other, rows) - depthOf(one, rows));
}

function grantedBy({ grantor, member }: Membership, { major, bootstrap }: PlanFacts): string {
  return major >= 16 && grantor !== bootstrap && grantor !== member ? `; ${roleText(grantor)} granted it` : "";
}

function optionsText({ admin, inherit, set }: Options, { major }: PlanFacts): string {
  if (major < 16) return admin ? "admin" : "member";
  return `${admin ? "admin" : "no admin"}, ${inherit ? "inherit" : "no inherit"}, ${set ? "set" : "no set"}`;
}

function difference(
  kind: Difference["difference"],
  { role, member }: { role: string; member: string },
  sides: { wanted: string | undefined; found: string | undefined },
): Difference {
  return { difference: kind, what: "membership", object: roleText(role), role: member, ...sides };
}
