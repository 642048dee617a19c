/**
 * The first model of a database: a profile with names, and below it, as comments, what the profile stands for and what
 * a person does next.
 *
 * Names come from the person, else from what is there: the database's name and owner, and the schemas that hold tables.
 */
import { PgkeepError } from "../../base/errors.ts";
import { identifierProblem } from "../../pg/identifiers.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import {
  defaultNames,
  type PlainDocument,
  type ProfileName,
  type ProfileNames,
  profileDocument,
} from "../model/profiles.ts";
import { type Section, yamlText } from "../model/yaml-text.ts";
import { isIgnoredRole } from "../plan/ignored-roles.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { SCHEMA_LINE } from "./describe.ts";
import { oneOrList } from "./held.ts";

export interface Starter {
  database: string;
  profile: ProfileName;
  names: ProfileNames;
  /** References to passwords, by role. Without any the text says how to add them. */
  passwords?: ReadonlyMap<string, string> | undefined;
  /** Who works with the model, when that is nobody who may do everything anyway: keeps its way into the database. */
  administrator?: string | undefined;
}

/** What is known of a server before anybody was asked. */
export type StarterFacts = Pick<Snapshot, "database" | "databaseOid" | "roles" | "objects">;

/** `given` completed by what the server's picture suggests, and what that leaves open by the profile's own ways. */
export function deriveNames(facts: StarterFacts, profile: ProfileName, given: ProfileNames): ProfileNames {
  const { database } = facts;
  const owner = ownerOf(facts);
  const schemas = given.schemas ?? schemasInUse(facts, profile);
  if (profile === "guide-001") {
    // The guide's one role logs in; an owner that cannot was made so on purpose.
    const migrator = given.migrator ?? (facts.roles.get(owner ?? "")?.login ? owner : `${database}_migrator`);
    return defaultNames(profile, database, {
      migrator,
      applications: given.applications ?? [`${database}_app`],
      schemas,
    });
  }
  const isMigrator = owner === (given.migrator ?? `${database}_migrator`);
  return defaultNames(profile, database, { ...given, owner: given.owner ?? (isMigrator ? undefined : owner), schemas });
}

/** The database's owner, when it is a role that people manage and that cannot do everything anyway. */
function ownerOf({ databaseOid, objects, roles }: StarterFacts): string | undefined {
  const owner = objects.database.find(({ oid }) => oid === databaseOid)?.owner;
  const role = owner === undefined ? undefined : roles.get(owner);
  return role && !role.superuser && !isIgnoredRole(role) && role.addressable ? owner : undefined;
}

/** Schemas with tables of their own; without any, where the profile would put them. */
function schemasInUse({ objects }: StarterFacts, profile: ProfileName): string[] {
  const isOwn = ({ extension, schema }: CatalogObject): boolean => extension === undefined && schema !== undefined;
  const used = new Set(objects.table.filter(isOwn).map(({ schema = "" }) => schema));
  return used.size > 0 ? [...used].sort() : [profile === "guide-001" ? "public" : "app"];
}

/** The text of the model. Throws CONFIG_VALUE_INVALID when a derived name is too long. */
export function starterText({ database, profile, names, passwords = new Map(), administrator }: Starter): string {
  checkNames(names);
  const whole = profileDocument(profile, database, names);
  const sections: Section[] = [
    { key: "version", value: 1 },
    { key: "database", value: database },
    { key: "profile", value: profile, comment: PROFILE_COMMENTS[profile] },
    { key: "names", value: namesSection(names) },
    ...(passwords.size > 0 ? [passwordSection(passwords)] : []),
    ...(profile === "three-tier" ? wayBack(administrator, whole) : []),
  ];
  const whatToDo = [
    comment("Roles that log in need passwords, by reference; only a verifier ever reaches the server. Uncomment:"),
    commented([passwordSection(proposedPasswords(names))]),
  ];
  return [
    yamlText(HEAD, sections),
    comment("What the profile stands for. Whatever is written below it is added to this or replaces it:"),
    commented(Object.entries(whole).map(([key, value]) => ({ key, value }))),
    ...(passwords.size > 0 ? [] : whatToDo),
  ].join("\n");
}

const HEAD = [
  SCHEMA_LINE,
  "",
  "Who may do what in this database. Look at what it would change: pgkeep access plan. Then: pgkeep access apply,",
  "and have it proved: pgkeep access verify. Every key: docs/reference/access-model.md.",
];

const PROFILE_COMMENTS: Readonly<Record<ProfileName, readonly string[]>> = {
  "guide-001": [
    "Two roles: one owns the database and changes its schema, the other only works with the data. The first may make",
    "roles, which before PostgreSQL 16 is nearly everything; profile three-tier does without.",
  ],
  "three-tier": [
    "An owner that nobody can log in as, a migrator that becomes it, groups for writing and reading, and logins in",
    "them. No role can make roles or databases.",
  ],
};

/** CONNECT is taken from PUBLIC, so who applies this needs its own, or could not come back to look. */
function wayBack(administrator: string | undefined, { roles = {} }: ReturnType<typeof profileDocument>): Section[] {
  if (administrator === undefined || (typeof roles === "object" && Object.hasOwn(roles, administrator))) return [];
  const comment = ["The role that applies this is managed elsewhere, and goes on being able to connect."];
  return [
    { key: "external_roles", value: [administrator], comment },
    { key: "database_acl", value: { connect: [administrator] } },
  ];
}

function namesSection(names: ProfileNames): PlainDocument {
  const { owner, migrator, readWrite, readOnly, applications = [], reporters = [], schemas = [] } = names;
  return {
    owner,
    migrator,
    read_write: readWrite,
    read_only: readOnly,
    application: applications.length > 0 ? oneOrList(applications) : undefined,
    reporter: reporters.length > 0 ? oneOrList(reporters) : undefined,
    schema: schemas.length > 0 ? oneOrList(schemas) : undefined,
  };
}

function passwordSection(passwords: ReadonlyMap<string, string>): Section {
  return { key: "roles", value: Object.fromEntries([...passwords].map(([name, password]) => [name, { password }])) };
}

function proposedPasswords({ migrator, applications = [], reporters = [] }: ProfileNames): ReadonlyMap<string, string> {
  const logins = [...(migrator === undefined ? [] : [migrator]), ...applications, ...reporters];
  return new Map(logins.map((name) => [name, `\${env:${variableFor(name)}}`]));
}

/** "shop-app" -> SHOP_APP_PASSWORD. */
function variableFor(name: string): string {
  const word = name
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return /^[A-Z]/.test(word) ? `${word}_PASSWORD` : `ROLE_${word}_PASSWORD`.replace(/_{2,}/g, "_");
}

function comment(text: string): string {
  return `# ${text}`;
}

/**
 * One sign and one space before each line, as editors add and take away, so that it counts as it is once uncommented.
 * The writer puts every name with a line break in quotes, so a line of it stays a comment.
 */
function commented(sections: readonly Section[]): string {
  return yamlText([], sections)
    .trimEnd()
    .split("\n")
    .map((line) => `# ${line}\n`)
    .join("");
}

function checkNames({
  owner,
  migrator,
  readWrite,
  readOnly,
  applications = [],
  reporters = [],
  schemas = [],
}: ProfileNames): void {
  for (const name of [owner, migrator, readWrite, readOnly, ...applications, ...reporters, ...schemas]) {
    const problem = name === undefined ? undefined : identifierProblem(name);
    if (problem === undefined) continue;
    throw new PgkeepError("CONFIG_VALUE_INVALID", "a name for the model cannot be used", {
      detail: `One of the names, given or made from the database's, is refused because ${problem}.`,
      hint: "Give the names: --owner-role, --migration-role, --app-role.",
      state: "nothing was started",
    });
  }
}
