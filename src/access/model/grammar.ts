/**
 * The model file's grammar: every key, what may stand there and what it means.
 *
 * This one description is what the reader checks a file against, and what the JSON schema and the reference page are
 * made from. What may stand as a value is in grammar-values.ts, and what a key does to the model in build.ts.
 */
import {
  choice,
  documentSchema,
  either,
  integer,
  key,
  list,
  named,
  oneOrMore,
  record,
  requiredKey,
  text,
  truth,
  type Written,
} from "../../config/document-form.ts";
import type { PrivilegeName } from "../privileges/privilege.ts";
import {
  anyRole,
  columnLists,
  comment,
  connection,
  expression,
  granteeName,
  grantees,
  granteeWithOption,
  mapRecord,
  name,
  nameProblem,
  newRoles,
  password,
  patterns,
  privilegeKeys,
  privilegesOf,
  revokePublic,
  roleName,
  roleNames,
  settings,
  validUntil,
} from "./grammar-values.ts";
import { DEFAULT_SELECTORS, OBJECT_SELECTORS, SCHEMA_SELECTORS, type Selector } from "./selectors.ts";

export const MEMBERSHIP_KEYS = {
  inherit: key(truth(), "The member has the role's privileges without SET ROLE (PostgreSQL 16 and later)"),
  set: key(truth(), "The member may SET ROLE to it (PostgreSQL 16 and later)"),
  admin: key(truth(), "The member may grant the role to others; default false"),
};

export const ROLE_KEYS = {
  state: key(choice(["present", "absent"]), "absent: the role is retired; default present"),
  login: key(truth(), "May connect; default false"),
  inherit: key(truth(), "Has the privileges of roles that it is a member of; default true, and false with run_as"),
  superuser: key(truth(), "Is above every check; default false"),
  createrole: key(truth(), "May create roles; default false"),
  createdb: key(truth(), "May create databases; default false"),
  replication: key(truth(), "May copy the whole cluster; default false"),
  bypassrls: key(truth(), "Is not limited by row level security; default false"),
  connection_limit: key(integer({ minimum: -1, maximum: 2 ** 31 - 1 }), "Connections at once; default -1, no limit"),
  valid_until: key(validUntil, "When its password ends"),
  comment: key(comment, "What the role is for; left alone when absent, removed when empty"),
  password: key(password, "Where its password is; left alone when absent. Only a SCRAM verifier of it is sent"),
  run_as: key(roleName, "The role that it becomes when it connects, without having that role's rights before"),
  member_of: key(
    oneOrMore(
      either(roleName, record({ role: requiredKey(roleName, "The role to be a member of"), ...MEMBERSHIP_KEYS })),
    ),
    "Roles that it is a member of",
  ),
  settings: key(settings, "Parameters for its sessions in every database"),
  database_settings: key(settings, "Parameters for its sessions in this database"),
  reassign_to: key(roleName, "With state absent: who gets what it owns"),
  drop_owned: key(truth(), "With state absent: what it still owns is dropped; default false"),
  terminate: key(truth(), "With state absent: its sessions are ended; default false"),
};

export const DATABASE_PRIVILEGES = ["connect", "temporary", "create"] as const satisfies PrivilegeName[];
export const SCHEMA_PRIVILEGES = ["usage", "create"] as const satisfies PrivilegeName[];

const DATABASE_KEYS = {
  owner: key(roleName, "Owner of the database; left alone when absent"),
  revoke_public: key(revokePublic(DATABASE_PRIVILEGES), "What PUBLIC loses; true: everything that is not granted here"),
  connect: key(oneOrMore(granteeWithOption), "Roles that may connect"),
  temporary: key(oneOrMore(granteeWithOption), "Roles that may make temporary tables"),
  create: key(oneOrMore(granteeWithOption), "Roles that may make schemas and publications"),
};

export const GRANT_KEYS = {
  to: requiredKey(grantees, "Roles that get it; PUBLIC in any case is everybody"),
  usage: key(truth(), "Use of the schema itself; without it nothing in the schema can be reached"),
  create: key(truth(), "Making objects in the schema"),
  ...privilegeKeys(SCHEMA_SELECTORS),
  tables_only: key(truth(), "`tables` means tables and partitioned tables alone; default false"),
  columns: key(
    named(columnLists, "tables, each with columns by privilege"),
    "Privileges on single columns, by table: `{ users: { select: [id, name] } }`",
  ),
  only: key(patterns, "Only objects of these names; default all. Routines also by signature, as in total(integer)"),
  grantable: key(truth(), "May pass the privileges on; default false"),
  future: key(truth(), "Objects that defaults_for will create get it too; default true, false with only"),
};

/** What an exception can be about, with the selector that it stands for. */
export const EXCEPTION_OBJECTS = {
  table: "tables",
  sequence: "sequences",
  routine: "routines",
  type: "types",
} as const;

const exceptionRevoke = oneOrMore(
  choice<PrivilegeName | "all">([
    ...new Set<PrivilegeName>(
      Object.values(EXCEPTION_OBJECTS).flatMap((word) => [...SCHEMA_SELECTORS[word].privileges]),
    ),
    "all",
  ]),
);

export const EXCEPTION_KEYS = {
  table: key(patterns, "Tables and views that it is about"),
  sequence: key(patterns, "Sequences that it is about"),
  routine: key(patterns, "Routines that it is about, by name or signature"),
  type: key(patterns, "Types that it is about"),
  revoke: key(exceptionRevoke, "Privileges that are taken away"),
  from: key(grantees, "Roles that lose it"),
  columns: key(
    either(list(name("column")), named(columnLists, "roles, each with columns by privilege")),
    "By role the columns that remain of a privilege on the whole table; or the columns that `revoke` is about",
  ),
};

const policy = record({
  name: requiredKey(name("policy"), "Its name"),
  to: key(grantees, "Roles that it is for; default PUBLIC"),
  for: key(choice(["all", "select", "insert", "update", "delete"]), "The command; default all"),
  restrictive: key(truth(), "Must hold beside the others, instead of being one of several ways; default false"),
  using: key(expression, "Rows that can be seen"),
  check: key(expression, "Rows that can be written"),
});

const rowSecurity = record({
  table: requiredKey(name("table"), "The table"),
  enable: key(truth(), "Row level security is on; default true"),
  force: key(truth(), "It holds for the table's owner too; default false"),
  policies: key(list(policy), "All policies of the table"),
});

const ownedObjects = record(
  mapRecord(SCHEMA_SELECTORS, ({ shown }) => key(patterns, `Of ${shown}, by name or pattern`)),
);

/** Objects of a schema on which PUBLIC can hold something. */
export const PUBLIC_OBJECT_KINDS = ["tables", "sequences", "routines", "types"] as const;

export const SCHEMA_KEYS = {
  create: key(truth(), "The schema is made when it is missing; default true, false for public"),
  owner: key(roleName, "Owner of the schema; left alone when absent"),
  comment: key(comment, "What the schema is for; left alone when absent"),
  grants: key(list(record(GRANT_KEYS)), "Who may do what with the schema and what is in it"),
  revoke_public: key(revokePublic(SCHEMA_PRIVILEGES), "What PUBLIC loses on the schema itself; true: everything"),
  revoke_public_objects: key(
    either(truth(), list(choice(PUBLIC_OBJECT_KINDS))),
    "PUBLIC has nothing on objects of the schema, of all kinds or of those listed, but what grants give it; default false",
  ),
  defaults_for: key(roleNames, "Creators whose future objects in the schema get the same grants"),
  routines_public_execute: key(
    choice(["revoke"]),
    "PUBLIC may execute no routine here, nor any that the creators of defaults_for make in this database",
  ),
  exceptions: key(list(record(EXCEPTION_KEYS)), "Objects that grants do not reach"),
  owners: key(
    named(ownedObjects, "roles, each with what it owns", nameProblem),
    "Owners of objects, by role; the last that matches counts",
  ),
  rls: key(list(rowSecurity), "Row level security by table"),
};

/** Keys of one element below `objects`. */
function objectKeys({ privileges, shown }: Selector) {
  return {
    on: requiredKey(patterns, `Which ${shown}`),
    owner: key(roleName, "Their owner; left alone when absent"),
    revoke_public: key(revokePublic(privileges), "What PUBLIC loses; true: everything that is not granted here"),
    grants: key(
      list(
        record({
          to: requiredKey(grantees, "Roles that get it"),
          privileges: requiredKey(privilegesOf(privileges), "What they get"),
          grantable: key(truth(), "May pass it on; default false"),
        }),
      ),
      "Who may do what with them",
    ),
  };
}

export const OBJECTS_KEYS = mapRecord(OBJECT_SELECTORS, (selector) =>
  key(list(record(objectKeys(selector))), `Privileges on ${selector.shown}`),
);

export const DEFAULTS_KEYS = {
  for: requiredKey(roleNames, "Creators"),
  in: key(oneOrMore(name("schema")), "Schemas; default every schema of the database"),
  to: key(grantees, "Roles that get it"),
  from: key(grantees, "Roles that lose what new objects would otherwise give them"),
  ...privilegeKeys(DEFAULT_SELECTORS),
  grantable: key(truth(), "May pass the privileges on; default false"),
};

const expectations = oneOrMore(
  either(
    text('"role: action object", as in "app: select shop.orders"'),
    record({
      role: requiredKey(granteeName, "Who"),
      action: requiredKey(text("an action"), "Does what"),
      object: requiredKey(text("an object"), "With what"),
    }),
  ),
);

const VERIFY_KEYS = {
  logins: key(
    named(connection, "roles, each with its connection string's place", nameProblem),
    "Real logins to probe with",
  ),
  must: key(expectations, "What has to work"),
  must_not: key(expectations, "What has to be refused"),
  call: key(oneOrMore(text("a routine's signature")), "Routines that `--call` may execute"),
};

export const NAMES_KEYS = {
  owner: key(anyRole, "three-tier: owner of everything, cannot log in"),
  migrator: key(anyRole, "The role that changes the schema"),
  read_write: key(anyRole, "three-tier: group that may change data"),
  read_only: key(anyRole, "three-tier: group that may read data"),
  application: key(newRoles, "The role, or roles, that the application connects as"),
  reporter: key(newRoles, "three-tier: roles that only read; none unless named"),
  schema: key(oneOrMore(name("schema")), "Schemas of the application"),
};

export const PROFILES = ["guide-001", "three-tier"] as const;

export const FILE_KEYS = {
  version: requiredKey(choice(["1"]), "Version of this format: 1"),
  database: requiredKey(name("database"), "The database that the file governs; roles belong to its whole server"),
  mode: key(
    choice(["additive", "adopt", "authoritative"]),
    "additive takes nothing away. adopt (default): the roles of the file have in its schemas what is written. " +
      "authoritative: nobody else has anything there",
  ),
  profile: key(choice(PROFILES), "A ready-made model that the other keys add to or change"),
  names: key(record(NAMES_KEYS), "Names that the profile uses"),
  gate: key(truth(), "A deploy with this file verifies it before it commits; default false"),
  external_roles: key(newRoles, "Roles that are named here and managed elsewhere"),
  roles: key(named(record(ROLE_KEYS), "roles by name", nameProblem), "Roles that the file manages"),
  membership_options: key(
    named(record(MEMBERSHIP_KEYS), "memberships as member->role"),
    "Options of memberships, written as `member->role`",
  ),
  database_acl: key(record(DATABASE_KEYS), "Who may do what with the database itself; left alone when absent"),
  database_settings: key(settings, "Parameters for every session in the database"),
  schemas: key(named(record(SCHEMA_KEYS), "schemas by name", nameProblem), "Schemas that the file governs"),
  objects: key(record(OBJECTS_KEYS), "Privileges on what lives in no schema"),
  default_privileges: key(list(record(DEFAULTS_KEYS)), "Default privileges beside those of defaults_for"),
  verify: key(record(VERIFY_KEYS), "What verify proves beside what follows from the grants"),
};

/** The whole file. */
export const MODEL_FILE = record(FILE_KEYS);

/** The file's JSON schema, for editors. */
export function modelFileSchema() {
  return documentSchema(MODEL_FILE, { title: "access.yaml", description: "Who may do what in a database" });
}

export type ModelDocument = Written<typeof FILE_KEYS>;
