/**
 * A server as it is, written as the model that leaves it so: reading the text back and planning gives an empty plan.
 *
 * What all objects of a kind share is said once, so the file of a tidy database is short and that of an untidy one
 * shows where it is untidy. Passwords stay unspoken: a file without them leaves them as they are.
 */
import { exactPattern } from "../../base/glob.ts";
import type { Policy, Snapshot } from "../catalog/snapshot.ts";
import type { PlainDocument } from "../model/profiles.ts";
import { type Section, yamlText } from "../model/yaml-text.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { describeGrants, type SchemaObjects, WORDS } from "./describe-grants.ts";
import { type Describing, describeDatabase, describeDefaults, describeGlobalObjects } from "./describe-objects.ts";
import { describeRoles, describeSettings } from "./describe-roles.ts";
import { granteeWord, Holdings, oneOrList } from "./held.ts";

/** The line by which editors find the schema; `pgkeep init` and `pgkeep config schema --file access` write it. */
export const SCHEMA_LINE = "yaml-language-server: $schema=.pgkeep/schema/access.schema.json";

export interface Description {
  text: string;
  roles: number;
  schemas: number;
  /** Objects that the text covers. */
  objects: number;
}

/** The model of `snapshot`. */
export function describeSnapshot(snapshot: Snapshot): Description {
  const describing: Describing = { snapshot, holdings: new Holdings(snapshot) };
  const roles = describeRoles(snapshot);
  const schemas = describeSchemas(describing);
  const sections = sectionsOf(describing, { roles, schemas });
  const covered = Object.values(snapshot.objects)
    .flat()
    .filter(({ extension }) => extension === undefined);
  return {
    text: yamlText(HEAD, sections),
    roles: Object.keys(roles).length,
    schemas: Object.keys(schemas).length,
    objects: covered.length,
  };
}

const HEAD = [
  SCHEMA_LINE,
  "",
  "Who may do what, as it was when this was written: applying it changes nothing. Edit it to what should be, look",
  "at `pgkeep access plan`, then run `pgkeep access apply`. Every key: docs/reference/access-model.md.",
  "",
  "Passwords are not in here; roles keep theirs. To set one, give the role a reference:",
  '  password: "${env:APP_PASSWORD}"',
];

interface Parts {
  roles: Record<string, PlainDocument>;
  schemas: Record<string, PlainDocument>;
}

/** What is said above a section. */
const COMMENTS: Readonly<Record<string, string[]>> = {
  mode: [
    "The roles below have, in the schemas below, exactly what is written; all else is left alone. authoritative",
    "also takes what others have there.",
  ],
  external_roles: ["Roles that are named below and never altered: the first superuser, those of a provider."],
  roles: ["Roles of the whole server, also those that have nothing in this database."],
  database_acl: ["PUBLIC stands for every role, those to come included."],
  schemas: [
    "`tables` covers views as well. Without `only`, a grant covers all objects of the kind; exceptions lack what",
    "they name. Owners' own privileges go without saying.",
  ],
  objects: ["What lives in no schema and differs from a new server's."],
  default_privileges: [
    "What objects to come will give, by who creates them. Objects that exist do not change with it.",
  ],
};

/** The file's keys in their order; those that would be empty are left out. */
function sectionsOf(describing: Describing, { roles, schemas }: Parts): Section[] {
  const { snapshot } = describing;
  const here = snapshot.databaseSettings.filter(({ database }) => database === snapshot.database);
  const objects = describeGlobalObjects(describing);
  const defaults = describeDefaults(describing);
  const database = describeDatabase(describing);
  const values = {
    version: 1,
    database: snapshot.database,
    mode: "adopt",
    external_roles: externalRoles({ snapshot, roles, schemas, objects, database, defaults }),
    roles,
    database_acl: database,
    database_settings: describeSettings(here),
    schemas,
    objects,
    default_privileges: defaults,
  };
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined || isEmpty(value) ? [] : [{ key, value, comment: COMMENTS[key] }],
  );
}

function isEmpty(value: PlainDocument): boolean {
  return typeof value === "object" && Object.keys(value).length === 0;
}

function describeSchemas(describing: Describing): Record<string, PlainDocument> {
  const { snapshot } = describing;
  const objects = objectsBySchema(snapshot);
  const policies = new Map<string, Policy[]>();
  for (const policy of snapshot.policies) {
    const table = tableKey(policy.schema, policy.table);
    policies.set(table, [...(policies.get(table) ?? []), policy]);
  }
  const schemas = snapshot.objects.schema.filter(({ extension }) => extension === undefined);
  return Object.fromEntries(
    schemas.map((schema) => {
      const own: SchemaObjects = objects.get(schema.name) ?? new Map();
      const rls = describeRowSecurity(own.get("tables") ?? [], policies);
      const { grants, exceptions } = describeGrants(schema, own, describing);
      const isClosed = !describing.holdings.of(schema, []).has(PUBLIC);
      return [
        schema.name,
        {
          owner: schema.owner,
          owners: describeOwners(own),
          revoke_public: isClosed || undefined,
          revoke_public_objects: own.size > 0 || undefined,
          grants: grants.length > 0 ? grants : undefined,
          exceptions: exceptions.length > 0 ? exceptions : undefined,
          rls: rls.length > 0 ? rls : undefined,
        },
      ];
    }),
  );
}

type WordName = (typeof WORDS)[number]["word"];

function objectsBySchema({ objects }: Snapshot): ReadonlyMap<string, SchemaObjects> {
  const bySchema = new Map<string, Map<WordName, CatalogObject[]>>();
  for (const { word, selector } of WORDS) {
    for (const object of objects[selector.kind]) {
      if (object.extension !== undefined || object.schema === undefined) continue;
      const own = bySchema.get(object.schema) ?? new Map<WordName, CatalogObject[]>();
      bySchema.set(object.schema, own);
      const ofKind = own.get(word);
      if (ofKind) ofKind.push(object);
      else own.set(word, [object]);
    }
  }
  return bySchema;
}

/**
 * The last owner that matches counts, so the one of most objects may take all of a kind before others take theirs by
 * name. Sequences of columns belong to whoever owns the table.
 */
function describeOwners(objects: SchemaObjects): Record<string, PlainDocument> | undefined {
  const free = [...objects].map(
    ([word, all]) => [word, all.filter((object) => object.parent?.relation !== "owned")] as const,
  );
  const counts = new Map<string, number>();
  for (const { owner } of free.flatMap(([, all]) => all)) {
    if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  const owners = [...counts].sort((a, b) => b[1] - a[1]).map(([owner]) => owner);
  if (owners.length === 0) return undefined;
  return Object.fromEntries(
    owners.map((owner, rank) => {
      const words = free.flatMap(([word, all]) => {
        const own = all.filter((object) => object.owner === owner);
        if (own.length === 0) return [];
        const isAll = own.length === all.length || rank === 0;
        return [[word, isAll ? "*" : oneOrList(own.map(({ name }) => exactPattern(name)))] as const];
      });
      return [owner, Object.fromEntries(words)];
    }),
  );
}

function describeRowSecurity(
  tables: readonly CatalogObject[],
  policies: ReadonlyMap<string, readonly Policy[]>,
): PlainDocument[] {
  return tables.flatMap(({ schema, name, rowSecurity }) => {
    const own = policies.get(tableKey(schema, name)) ?? [];
    const { enabled = false, forced = false } = rowSecurity ?? {};
    if (!enabled && !forced && own.length === 0) return [];
    return [
      {
        table: name,
        enable: enabled ? undefined : false,
        force: forced || undefined,
        policies: own.length > 0 ? own.map(describePolicy) : undefined,
      },
    ];
  });
}

function tableKey(schema: string | undefined, table: string): string {
  return `${schema}\0${table}`;
}

function describePolicy({ name, roles, command, permissive, using, check }: Policy): PlainDocument {
  const isForAll = roles.length === 1 && roles[0] === PUBLIC;
  return {
    name,
    to: isForAll ? undefined : oneOrList(roles.map(granteeWord)),
    for: command === "all" ? undefined : command,
    restrictive: permissive ? undefined : true,
    using,
    check,
  };
}

/** Keys of the file below which a text is the name of a role. */
const ROLE_KEYS = new Set([
  "to",
  "from",
  "for",
  "owner",
  "role",
  "run_as",
  "member_of",
  "connect",
  "temporary",
  "create",
]);

/** Every role that the rest of the file mentions and does not manage. */
function externalRoles(
  file: Parts & {
    snapshot: Snapshot;
    objects: PlainDocument;
    database: PlainDocument | undefined;
    defaults: PlainDocument;
  },
): string[] {
  const { snapshot, roles, schemas, objects, database = {}, defaults } = file;
  const mentioned = new Set<string>();
  const add = (name: string): unknown => snapshot.roles.has(name) && mentioned.add(name);
  for (const part of [roles, schemas, objects, database, defaults]) collect(part, add);
  return [...mentioned].filter((name) => !Object.hasOwn(roles, name) && !name.startsWith("pg_")).sort();
}

function collect(document: PlainDocument, add: (name: string) => void, isRole = false): void {
  if (typeof document === "string") {
    if (isRole) add(document);
  } else if (Array.isArray(document)) {
    for (const item of document) collect(item, add, isRole);
  } else if (typeof document === "object") {
    for (const [key, value] of Object.entries(document)) {
      if (value === undefined) continue;
      if (key === "owners") for (const owner of Object.keys(value)) add(owner);
      collect(value, add, ROLE_KEYS.has(key));
    }
  }
}
