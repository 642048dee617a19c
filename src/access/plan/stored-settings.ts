/**
 * Settings that are stored for a role, everywhere or in the model's database, and for the database itself.
 *
 * What the model does not name is taken from a role and left to a database: a role is the model's, a database has settings
 * that its administrators chose for other reasons.
 */
import { ident } from "../../pg/identifiers.ts";
import type { Role, RoleSetting } from "../catalog/snapshot.ts";
import type { RoleModel } from "../model/model.ts";
import type { Planning } from "./acting.ts";
import { type Difference, type Draft, STEP, type Way } from "./draft.ts";
import { roleText } from "./naming.ts";
import { isSameSetting, resetSql, setSql } from "./setting-sql.ts";

/** Settings of all databases and of the model's own; those of other databases are not governed. */
export function planRoleSettings(role: RoleModel, existing: Role | undefined, planning: Planning): void {
  const { facts } = planning;
  if (existing && facts.isAdditive) return;
  const everywhere = new Map(role.settings);
  if (role.runAs !== undefined) everywhere.set("role", role.runAs);
  const { database } = facts.model;
  planScope({ role, database: undefined, wanted: everywhere, existing }, planning);
  planScope({ role, database, wanted: role.databaseSettings, existing }, planning);
}

interface Scope {
  role: RoleModel;
  /** undefined: in every database. */
  database: string | undefined;
  wanted: ReadonlyMap<string, string>;
  existing: Role | undefined;
}

function planScope({ role, database, wanted, existing }: Scope, planning: Planning): void {
  const found = (existing?.settings ?? []).filter((each) => each.database === database);
  const holder: Holder = {
    alter: `alter role ${ident(role.name)}${database === undefined ? "" : ` in database ${ident(database)}`}`,
    object: roleText(role.name),
    role: role.name,
    touches: [{ about: "role", role: role.name }],
    way: () => planning.rights.alterOwnKind(role.name),
    isNew: !existing,
  };
  for (const name of new Set([...wanted.keys(), ...found.map((each) => each.name)])) {
    planSetting(holder, { name, wanted: wanted.get(name), found: settingOf(name, found) }, planning);
  }
}

/** Settings of the database. Those that the model does not name are left alone. */
export function planDatabaseSettings(planning: Planning): void {
  const { facts, rights, book } = planning;
  const { database, databaseSettings } = facts.model;
  const present = facts.snapshot.databaseSettings.filter((each) => each.database === database);
  const holder: Holder = {
    alter: `alter database ${ident(database)}`,
    object: `database ${ident(database)}`,
    role: undefined,
    touches: [{ about: "database settings" }],
    way: () => rights.ownDatabase(),
    isNew: false,
    rank: 10,
  };
  for (const [name, wanted] of databaseSettings) {
    const found = settingOf(name, present);
    if (found !== undefined && facts.isAdditive) book.unchanged++;
    else planSetting(holder, { name, wanted, found }, planning);
  }
}

function settingOf(name: string, settings: readonly RoleSetting[]): string | undefined {
  return settings.find((each) => each.name === name)?.value;
}

/** What settings are stored for. */
interface Holder extends Pick<Draft, "object" | "role" | "touches" | "rank"> {
  /** The statement up to SET or RESET. */
  alter: string;
  /** Who may do it; asked only when there is something to do, because a right may be borrowed for it. */
  way: () => Way;
  /** Whether this plan makes it, so that nothing is to be put back. */
  isNew: boolean;
}

interface Setting {
  name: string;
  /** undefined: none. */
  wanted: string | undefined;
  /** undefined: none. */
  found: string | undefined;
}

function planSetting(holder: Holder, setting: Setting, { book, rights }: Planning): void {
  const { alter, way, isNew, ...common } = holder;
  const { name, wanted, found } = setting;
  if (wanted !== undefined && found !== undefined && isSameSetting(name, wanted, found)) {
    book.unchanged++;
    return;
  }
  const sql = (value: string | undefined): string =>
    `${alter} ${value === undefined ? resetSql(name) : setSql(name, value)}`;
  book.propose(
    {
      ...common,
      step: STEP.settings,
      kind: "setting",
      sql: sql(wanted),
      reason: wanted === undefined ? "the model does not have this setting" : "the model has this setting",
      inverse: isNew ? undefined : sql(found),
      differences: () => [settingDifference(common, setting)],
    },
    rights.setParameter(name, way()),
  );
}

function settingDifference(
  { object, role }: Pick<Holder, "object" | "role">,
  { name, wanted, found }: Setting,
): Difference {
  const text = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : `${name} = ${value}`;
  const difference = wanted === undefined ? "extra" : found === undefined ? "missing" : "different";
  return { difference, what: "setting", object, role, wanted: text(wanted), found: text(found) };
}
