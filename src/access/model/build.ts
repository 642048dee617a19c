/**
 * Turns a document that fits the grammar into the rules that planning knows.
 *
 * Every convenience of the file ends here: profiles are expanded before, and what comes after knows roles,
 * memberships, owners, rules, defaults and row security only. Each rule keeps the line that it came from.
 */

import { exactPattern } from "../../base/glob.ts";
import type { Located } from "../../config/document-form.ts";
import type { SourceProblems } from "../../config/yaml-source.ts";
import { buildRoles } from "./build-roles.ts";
import { buildSchema } from "./build-schema.ts";
import { buildVerify } from "./build-verify.ts";
import { DATABASE_PRIVILEGES, type ModelDocument } from "./grammar.ts";
import {
  type Building,
  type Grantee,
  granteesOf,
  grantRule,
  privilegesOf,
  revokePublic,
  settingsOf,
} from "./granting.ts";
import type { AccessModel, ObjectTarget } from "./model.ts";
import { DEFAULT_SELECTORS, entriesOf, OBJECT_SELECTORS, type Selector } from "./selectors.ts";

/** Where reading goes on: problems, and roles where they are mentioned in texts that the grammar does not take apart. */
export interface ModelReading {
  problems: SourceProblems;
  mentions: Located<string>[];
}

export type BuiltModel = Omit<AccessModel, "file" | "hash">;

/** The model of `document`. Problems that only the whole shows are added to `problems`. */
export function buildModel(document: ModelDocument, { problems, mentions }: ModelReading): BuiltModel {
  const building: Building = { problems, mentions, owners: [], rules: [], defaults: [], rowSecurity: [] };
  const database = document.database?.value ?? "";
  const { roles, memberships } = buildRoles(document, problems);
  buildDatabase(document, database, building);
  const governed = buildObjects(document, building);
  const schemas = new Map<string, { create: boolean; comment: string | undefined; line: number }>();
  for (const { name, at, value } of document.schemas?.value ?? []) {
    const { create, comment } = value.value;
    schemas.set(name, { create: create?.value ?? name !== "public", comment: comment?.value, line: at.line });
    buildSchema(name, value, building);
  }
  buildDefaults(document, building);
  return {
    database,
    mode: document.mode?.value ?? "adopt",
    profile: document.profile?.value,
    gate: document.gate?.value ?? false,
    roles,
    memberships,
    owners: building.owners,
    rules: building.rules,
    defaults: building.defaults,
    rowSecurity: building.rowSecurity,
    databaseSettings: settingsOf(document.database_settings?.value),
    schemas,
    governsDatabase: document.database_acl !== undefined,
    governed,
    verify: buildVerify(document, roles, building),
  };
}

function buildDatabase({ database_acl: written }: ModelDocument, database: string, { owners, rules }: Building): void {
  if (!written) return;
  const acl = written.value;
  const target: ObjectTarget = { kind: "database", schema: undefined, patterns: [exactPattern(database)] };
  if (acl.owner) owners.push({ target, owner: acl.owner.value, line: acl.owner.at.line });
  for (const privilege of DATABASE_PRIVILEGES) {
    for (const grantee of granteesOf(acl[privilege]?.value)) {
      rules.push(grantRule({ target, grantee, privileges: [privilege], grantable: grantee.grantable }));
    }
  }
  revokePublic(acl.revoke_public, { target, all: DATABASE_PRIVILEGES, rules });
}

const SYSTEM_OWNER = "what the server brings along belongs to its first superuser";

/** What lives in no schema of the file; returns what is governed by being named. */
function buildObjects({ objects }: ModelDocument, { owners, rules, problems }: Building): ObjectTarget[] {
  const governed: ObjectTarget[] = [];
  for (const [word, selector] of entriesOf<keyof typeof OBJECT_SELECTORS, Selector>(OBJECT_SELECTORS)) {
    for (const { value: item } of objects?.value[word]?.value ?? []) {
      const isParameter = selector.kind === "parameter";
      const names = (item.on?.value ?? []).map(({ value }) => (isParameter ? value.toLowerCase() : value));
      const target: ObjectTarget = { kind: selector.kind, schema: selector.schema, patterns: names };
      governed.push(target);
      if (item.owner && selector.schema !== undefined) problems.add(item.owner.at, SYSTEM_OWNER);
      else if (item.owner) owners.push({ target, owner: item.owner.value, line: item.owner.at.line });
      for (const { value: grant } of item.grants?.value ?? []) {
        for (const grantee of granteesOf(grant.to?.value)) {
          const privileges = privilegesOf(grant.privileges?.value ?? []);
          rules.push(grantRule({ target, grantee, privileges, grantable: grant.grantable?.value ?? false }));
        }
      }
      revokePublic(item.revoke_public, { target, all: selector.privileges, rules });
    }
  }
  return governed;
}

type DefaultsEntry = NonNullable<ModelDocument["default_privileges"]>["value"][number];

function buildDefaults(document: ModelDocument, building: Building): void {
  for (const entry of document.default_privileges?.value ?? []) buildDefaultsEntry(entry, building);
}

function buildDefaultsEntry({ value: entry, at }: DefaultsEntry, { problems, defaults }: Building): void {
  if ((entry.to === undefined) === (entry.from === undefined)) {
    problems.add(at, 'needs either "to" or "from"');
    return;
  }
  const effect = entry.to ? "grant" : "revoke";
  const grantees: Grantee[] = granteesOf((entry.to ?? entry.from)?.value);
  const schemas = entry.in?.value.map(({ value }) => value) ?? [undefined];
  for (const [on, { inSchema }] of entriesOf(DEFAULT_SELECTORS)) {
    const written = entry[on];
    if (!written) continue;
    if (entry.in && !inSchema) problems.add(written.at, `"${on}" cannot be limited to a schema; leave out "in"`);
    const privileges = privilegesOf(written.value);
    const grantable = effect === "grant" && (entry.grantable?.value ?? false);
    for (const { value: creator } of entry.for?.value ?? []) {
      for (const schema of schemas) {
        for (const { name: role } of grantees) {
          defaults.push({ effect, creator, schema, on, role, privileges, grantable, line: at.line });
        }
      }
    }
  }
}
