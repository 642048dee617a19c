/**
 * Roles: made when missing; of those that are there only what differs is changed, because a server refuses even
 * attributes that stay as they are to who may not change them.
 */
import { ident } from "../../pg/identifiers.ts";
import type { Role, RoleSetting } from "../catalog/snapshot.ts";
import type { RoleModel } from "../model/model.ts";
import { type Difference, type DraftBook, STEP, type Touched } from "./draft.ts";
import type { PlanFacts } from "./facts.ts";
import { roleText, textSql } from "./naming.ts";
import type { Rights, RoleAttribute, Way } from "./required-rights.ts";
import { isSameSetting, resetSql, setSql } from "./settings.ts";

interface RolePlanning {
  facts: PlanFacts;
  book: DraftBook;
  rights: Rights;
}

/** Shown in place of a password's verifier. */
export const PASSWORD_MASK = "'[secret]'";

export function planRoles(planning: RolePlanning): void {
  for (const role of planning.facts.model.roles.values()) {
    if (!planning.facts.managed(role.name)) continue;
    const existing = planning.facts.existing(role.name);
    if (existing) planChanges(role, existing, planning);
    else planCreation(role, planning);
    planComment(role, existing, planning);
    planSettings(role, existing, planning);
    planPassword(role, existing, planning);
  }
}

type Flag = "superuser" | "inherit" | "createRole" | "createDatabase" | "login" | "replication" | "bypassRowSecurity";

const FLAGS: readonly { flag: Flag; word: string; byDefault: boolean }[] = [
  { flag: "superuser", word: "superuser", byDefault: false },
  { flag: "inherit", word: "inherit", byDefault: true },
  { flag: "createRole", word: "createrole", byDefault: false },
  { flag: "createDatabase", word: "createdb", byDefault: false },
  { flag: "login", word: "login", byDefault: false },
  { flag: "replication", word: "replication", byDefault: false },
  { flag: "bypassRowSecurity", word: "bypassrls", byDefault: false },
];

/** Attributes that make a role strong enough to reach beyond its database. */
const STRONG: ReadonlySet<RoleAttribute> = new Set(["superuser", "createRole", "replication", "bypassRowSecurity"]);

interface AttributeChange {
  attribute: RoleAttribute;
  sql: string;
  wanted: string;
  found: string | undefined;
  back: string;
}

function touching(role: string): Touched[] {
  return [{ about: "role", role }];
}

function planCreation(role: RoleModel, { book, rights }: RolePlanning): void {
  const flags = FLAGS.filter(({ flag, byDefault }) => role[flag] !== byDefault);
  const words = flags.map(({ flag, word }) => (role[flag] ? word : `no${word}`));
  if (role.connectionLimit !== -1) words.push(`connection limit ${role.connectionLimit}`);
  const until = normalInstant(role.validUntil);
  if (until !== undefined) words.push(`valid until ${textSql(until)}`);
  const common = {
    sql: ["create role", ident(role.name), ...words].join(" "),
    object: roleText(role.name),
    role: role.name,
    reason: "the model has it and the server has not",
    touches: touching(role.name),
    differences: (): readonly Difference[] => [
      {
        difference: "missing",
        what: "role",
        object: roleText(role.name),
        role: role.name,
        wanted: words.join(", ") || "present",
        found: undefined,
      },
    ],
  };
  const gained = new Set<RoleAttribute>(flags.filter(({ flag }) => role[flag]).map(({ flag }) => flag));
  const way = rights.createRole(gained);
  if (!way.isOpen) {
    book.block({ ...common, needs: way.needs });
    return;
  }
  book.add({
    ...common,
    step: STEP.createRoles,
    kind: "create role",
    requires: way.requires,
    inverse: `drop role ${ident(role.name)}`,
    ...riskOf(gained),
  });
}

function riskOf(gained: ReadonlySet<RoleAttribute>) {
  const strong = [...gained].filter((attribute) => STRONG.has(attribute));
  if (strong.length === 0) return {};
  const words = FLAGS.filter(({ flag }) => strong.includes(flag)).map(({ word }) => word.toUpperCase());
  return { risk: "high" as const, riskReason: `${words.join(", ")} reaches beyond this database` };
}

function planChanges(role: RoleModel, existing: Role, { facts, book, rights }: RolePlanning): void {
  const changes = facts.isAdditive ? [] : changesOf(role, existing);
  if (changes.length === 0) {
    book.unchanged++;
    return;
  }
  const alter = `alter role ${ident(role.name)}`;
  const common = {
    sql: `${alter} ${changes.map(({ sql }) => sql).join(" ")}`,
    object: roleText(role.name),
    role: role.name,
    reason: `the model wants ${changes.map(({ wanted }) => wanted).join(", ")}`,
    touches: touching(role.name),
    differences: () =>
      changes.map(
        ({ wanted, found }): Difference => ({
          difference: "different",
          what: "role",
          object: roleText(role.name),
          role: role.name,
          wanted,
          found,
        }),
      ),
  };
  const way = rights.alterRole(role.name, new Set(changes.map(({ attribute }) => attribute)));
  if (!way.isOpen) {
    book.block({ ...common, needs: way.needs });
    return;
  }
  const gained = new Set(changes.flatMap(({ attribute, sql }) => (sql.startsWith("no") ? [] : [attribute])));
  book.add({
    ...common,
    step: STEP.createRoles,
    rank: 1,
    kind: "alter role",
    requires: way.requires,
    inverse: `${alter} ${changes.map(({ back }) => back).join(" ")}`,
    ...riskOf(gained),
  });
}

function changesOf(role: RoleModel, existing: Role): AttributeChange[] {
  const changes: AttributeChange[] = [];
  for (const { flag, word } of FLAGS) {
    if (role[flag] === existing[flag]) continue;
    const [sql, back] = role[flag] ? [word, `no${word}`] : [`no${word}`, word];
    changes.push({ attribute: flag, sql, wanted: sql, found: back, back });
  }
  if (role.connectionLimit !== existing.connectionLimit) {
    const text = (limit: number): string => `connection limit ${limit === -1 ? "none" : limit}`;
    changes.push({
      attribute: "connectionLimit",
      sql: `connection limit ${role.connectionLimit}`,
      wanted: text(role.connectionLimit),
      found: text(existing.connectionLimit),
      back: `connection limit ${existing.connectionLimit}`,
    });
  }
  const [wanted, found] = [normalInstant(role.validUntil), normalInstant(existing.validUntil)];
  if (wanted !== found) {
    const sql = (until: string | undefined): string => `valid until ${textSql(until ?? "infinity")}`;
    changes.push({
      attribute: "validUntil",
      sql: sql(wanted),
      wanted: `valid until ${wanted ?? "infinity"}`,
      found: `valid until ${found ?? "infinity"}`,
      back: sql(found),
    });
  }
  return changes;
}

/**
 * A date or time as the server would write it, in UTC, so that the session's time zone decides nothing. "infinity" and
 * no limit at all are the same. What is no date that we know is left for the server to read.
 */
export function normalInstant(text: string | undefined): string | undefined {
  if (text === undefined || text === "infinity") return undefined;
  const match = /^(\d{4,})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i.exec(
    text.trim(),
  );
  if (!match) return text;
  const [, year = "", month, day, time = "00:00:00", zone = "Z"] = match;
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d\d)(\d\d)$/, "$1:$2");
  const instant = new Date(`${year}-${month}-${day}T${time.length === 5 ? `${time}:00` : time}${offset.toUpperCase()}`);
  if (year.length > 4 || Number.isNaN(instant.getTime())) return text;
  return instant
    .toISOString()
    .replace("T", " ")
    .replace(/(?:\.000)?Z$/, "+00");
}

function planComment(role: RoleModel, existing: Role | undefined, { facts, book, rights }: RolePlanning): void {
  if (role.comment === undefined || (existing && (facts.isAdditive || existing.comment === role.comment))) return;
  const set = (text: string | undefined): string =>
    `comment on role ${ident(role.name)} is ${text === undefined ? "null" : textSql(text)}`;
  const found = existing?.comment;
  const common = {
    sql: set(role.comment),
    object: roleText(role.name),
    role: role.name,
    reason: "the model has this comment",
    touches: touching(role.name),
    differences: (): readonly Difference[] => [
      {
        difference: found === undefined ? "missing" : "different",
        what: "comment",
        object: roleText(role.name),
        role: role.name,
        wanted: role.comment,
        found,
      },
    ],
  };
  const way = rights.alterRole(role.name);
  if (!way.isOpen) book.block({ ...common, needs: way.needs });
  else
    book.add({
      ...common,
      step: STEP.createRoles,
      rank: 2,
      kind: "comment",
      requires: way.requires,
      inverse: set(found),
    });
}

/** Settings of all databases and of the model's own; those of other databases are not governed. */
function planSettings(role: RoleModel, existing: Role | undefined, planning: RolePlanning): void {
  const { facts } = planning;
  if (existing && facts.isAdditive) return;
  const everywhere = new Map(role.settings);
  if (role.runAs !== undefined) everywhere.set("role", role.runAs);
  const found = existing?.settings ?? [];
  const { database } = facts.model;
  planScope(
    { role, database: undefined, wanted: everywhere, found: found.filter((each) => each.database === undefined) },
    planning,
  );
  planScope(
    { role, database, wanted: role.databaseSettings, found: found.filter((each) => each.database === database) },
    planning,
  );
}

interface Scope {
  role: RoleModel;
  database: string | undefined;
  wanted: ReadonlyMap<string, string>;
  found: readonly RoleSetting[];
}

function planScope({ role, database, wanted, found }: Scope, { facts, book, rights }: RolePlanning): void {
  const alter = `alter role ${ident(role.name)}${database === undefined ? "" : ` in database ${ident(database)}`}`;
  for (const name of new Set([...wanted.keys(), ...found.map((each) => each.name)])) {
    const value = wanted.get(name);
    const present = found.find((each) => each.name === name)?.value;
    if (value !== undefined && present !== undefined && isSameSetting(name, value, present)) {
      book.unchanged++;
      continue;
    }
    const sql = (text: string | undefined): string =>
      `${alter} ${text === undefined ? resetSql(name) : setSql(name, text)}`;
    const isOwn: Way = rights.alterOwnKind(role.name);
    const way = rights.setParameter(name, isOwn);
    const common = {
      sql: sql(value),
      object: roleText(role.name),
      role: role.name,
      reason: value === undefined ? "the model does not have this setting" : "the model has this setting",
      touches: touching(role.name),
      differences: (): readonly Difference[] => [
        {
          difference: value === undefined ? "extra" : present === undefined ? "missing" : "different",
          what: "setting",
          object: roleText(role.name),
          role: role.name,
          wanted: value === undefined ? undefined : `${name} = ${value}`,
          found: present === undefined ? undefined : `${name} = ${present}`,
        },
      ],
    };
    if (!way.isOpen) book.block({ ...common, needs: way.needs });
    else
      book.add({
        ...common,
        step: STEP.settings,
        kind: "setting",
        requires: way.requires,
        inverse: facts.existing(role.name) ? sql(present) : undefined,
      });
  }
}

/** The verifier is made when the plan is applied; here is only whose password it will be. */
function planPassword(role: RoleModel, existing: Role | undefined, { facts, book, rights }: RolePlanning): void {
  if (role.password === undefined) return;
  const { setPasswords, rotate } = facts.options;
  const isDue = setPasswords
    ? setPasswords.has(role.name)
    : !existing || rotate === true || existing.password === "none" || existing.password === "md5";
  if (!isDue) return;
  const way = rights.alterOwnKind(role.name);
  const common = {
    sql: `alter role ${ident(role.name)} password ${PASSWORD_MASK}`,
    object: roleText(role.name),
    role: role.name,
    reason: existing ? "the password is not the model's" : "the role is new",
    touches: touching(role.name),
    differences: (): readonly Difference[] => [
      {
        difference: existing ? "different" : "missing",
        what: "password",
        object: roleText(role.name),
        role: role.name,
        wanted: "as the model refers to",
        found: existing?.password,
      },
    ],
  };
  if (!way.isOpen) book.block({ ...common, needs: way.needs });
  else {
    book.add({
      ...common,
      step: STEP.passwords,
      kind: "password",
      requires: way.requires,
      inverse: undefined,
      passwordOf: role.name,
      ...(existing ? { risk: "medium", riskReason: "who has the old password cannot connect anew" } : {}),
    });
  }
}

/** Settings of the database. Those that the model does not name are left alone. */
export function planDatabaseSettings({ facts, book, rights }: RolePlanning): void {
  const { database, databaseSettings } = facts.model;
  for (const [name, value] of databaseSettings) {
    const present = facts.snapshot.databaseSettings.find(
      (each) => each.name === name && each.database === database,
    )?.value;
    if (present !== undefined && (facts.isAdditive || isSameSetting(name, value, present))) {
      book.unchanged++;
      continue;
    }
    const alter = `alter database ${ident(database)}`;
    const way = rights.setParameter(name, rights.ownDatabase());
    const common = {
      sql: `${alter} ${setSql(name, value)}`,
      object: `database ${ident(database)}`,
      role: undefined,
      reason: "the model has this setting",
      touches: [{ about: "database settings" }] satisfies Touched[],
      differences: (): readonly Difference[] => [
        {
          difference: present === undefined ? "missing" : "different",
          what: "setting",
          object: `database ${ident(database)}`,
          role: undefined,
          wanted: `${name} = ${value}`,
          found: present === undefined ? undefined : `${name} = ${present}`,
        },
      ],
    };
    if (!way.isOpen) book.block({ ...common, needs: way.needs });
    else
      book.add({
        ...common,
        step: STEP.settings,
        rank: 10,
        kind: "setting",
        requires: way.requires,
        as: way.as,
        inverse: `${alter} ${present === undefined ? resetSql(name) : setSql(name, present)}`,
      });
  }
}
