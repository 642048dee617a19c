/**
 * Roles: made when missing; of those that are there only what differs is changed, because a server refuses even
 * attributes that stay as they are to who may not change them.
 */
import { ident } from "../../pg/identifiers.ts";
import type { Role } from "../catalog/snapshot.ts";
import type { RoleModel } from "../model/model.ts";
import type { Planning } from "./acting.ts";
import { STEP } from "./draft.ts";
import { normalInstant } from "./instants.ts";
import { roleText, textSql } from "./naming.ts";
import type { RoleAttribute } from "./required-rights.ts";
import { planPassword } from "./role-passwords.ts";
import { planRoleSettings } from "./stored-settings.ts";

export function planRoles(planning: Planning): void {
  for (const role of planning.facts.model.roles.values()) {
    if (!planning.facts.managed(role.name)) continue;
    const existing = planning.facts.existing(role.name);
    if (existing) planChanges(role, existing, planning);
    else planCreation(role, planning);
    planComment(role, existing, planning);
    planRoleSettings(role, existing, planning);
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

function planCreation(role: RoleModel, { book, rights }: Planning): void {
  const flags = FLAGS.filter(({ flag, byDefault }) => role[flag] !== byDefault);
  const words = flags.map(({ flag, word }) => (role[flag] ? word : `no${word}`));
  if (role.connectionLimit !== -1) words.push(`connection limit ${role.connectionLimit}`);
  const until = normalInstant(role.validUntil);
  if (until !== undefined) words.push(`valid until ${textSql(until)}`);
  const gained = new Set<RoleAttribute>(flags.filter(({ flag }) => role[flag]).map(({ flag }) => flag));
  const common = { object: roleText(role.name), role: role.name };
  book.propose(
    {
      ...common,
      step: STEP.createRoles,
      kind: "create role",
      sql: ["create role", ident(role.name), ...words].join(" "),
      reason: "the model has it and the server has not",
      touches: [{ about: "role", role: role.name }],
      inverse: `drop role ${ident(role.name)}`,
      differences: () => [
        { ...common, difference: "missing", what: "role", wanted: words.join(", ") || "present", found: undefined },
      ],
      ...riskOf(gained),
    },
    rights.createRole(gained),
  );
}

function riskOf(gained: ReadonlySet<RoleAttribute>) {
  const strong = [...gained].filter((attribute) => STRONG.has(attribute));
  if (strong.length === 0) return {};
  const words = FLAGS.filter(({ flag }) => strong.includes(flag)).map(({ word }) => word.toUpperCase());
  return { risk: "high" as const, riskReason: `${words.join(", ")} reaches beyond this database` };
}

function planChanges(role: RoleModel, existing: Role, { facts, book, rights }: Planning): void {
  const changes = facts.isAdditive ? [] : changesOf(role, existing);
  if (changes.length === 0) {
    book.unchanged++;
    return;
  }
  const alter = `alter role ${ident(role.name)}`;
  const common = { object: roleText(role.name), role: role.name };
  const gained = new Set(changes.flatMap(({ attribute, sql }) => (sql.startsWith("no") ? [] : [attribute])));
  book.propose(
    {
      ...common,
      step: STEP.createRoles,
      rank: 1,
      kind: "alter role",
      sql: `${alter} ${changes.map(({ sql }) => sql).join(" ")}`,
      reason: `the model wants ${changes.map(({ wanted }) => wanted).join(", ")}`,
      touches: [{ about: "role", role: role.name }],
      inverse: `${alter} ${changes.map(({ back }) => back).join(" ")}`,
      differences: () =>
        changes.map(({ wanted, found }) => ({ ...common, difference: "different", what: "role", wanted, found })),
      ...riskOf(gained),
    },
    rights.alterRole(role.name, new Set(changes.map(({ attribute }) => attribute))),
  );
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

function planComment(role: RoleModel, existing: Role | undefined, { facts, book, rights }: Planning): void {
  if (role.comment === undefined || (existing && (facts.isAdditive || existing.comment === role.comment))) return;
  const set = (text: string | undefined): string =>
    `comment on role ${ident(role.name)} is ${text === undefined ? "null" : textSql(text)}`;
  const found = existing?.comment;
  const common = { object: roleText(role.name), role: role.name };
  book.propose(
    {
      ...common,
      step: STEP.createRoles,
      rank: 2,
      kind: "comment",
      sql: set(role.comment),
      reason: "the model has this comment",
      touches: [{ about: "role", role: role.name }],
      inverse: set(found),
      differences: () => [
        {
          ...common,
          difference: found === undefined ? "missing" : "different",
          what: "comment",
          wanted: role.comment,
          found,
        },
      ],
    },
    rights.alterRole(role.name),
  );
}
