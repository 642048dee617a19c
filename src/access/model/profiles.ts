/**
 * Ready-made models, as the file that somebody would have written.
 *
 * A profile becomes part of the document before it is read against the grammar: what the file writes itself is laid
 * over it, mapping by mapping; lists are added to, single values replace. So a profile can do nothing that a file
 * cannot, and every problem of the result has a place.
 */
import type { MapEntry, MapNode, Position, SourceNode } from "../../config/yaml-source.ts";

/** A document in short. Keys without a value are left out. */
export type PlainDocument =
  | string
  | number
  | boolean
  | readonly PlainDocument[]
  | { readonly [name: string]: PlainDocument | undefined };

export type ProfileName = "guide-001" | "three-tier";

/** Names as the file gives them; what is absent is derived from the database's name. */
export interface ProfileNames {
  owner?: string | undefined;
  migrator?: string | undefined;
  readWrite?: string | undefined;
  readOnly?: string | undefined;
  applications?: readonly string[] | undefined;
  reporters?: readonly string[] | undefined;
  schemas?: readonly string[] | undefined;
}

/** `given`, with what is absent as the profile has it for `database`. */
export function defaultNames(profile: ProfileName, database: string, given: ProfileNames): ProfileNames {
  return profile === "guide-001" ? guideNames(given) : threeTierNames(database, given);
}

/** The document of a profile for `database`. */
export function profileDocument(
  profile: ProfileName,
  database: string,
  given: ProfileNames,
): Readonly<Record<string, PlainDocument>> {
  return profile === "guide-001" ? guide(guideNames(given)) : threeTier(threeTierNames(database, given));
}

function guideNames({ migrator = "sqlmigrations", applications = ["django"], schemas = ["public"] }: ProfileNames) {
  return { migrator, applications, schemas };
}

function threeTierNames(database: string, given: ProfileNames) {
  return {
    owner: given.owner ?? `${database}_owner`,
    migrator: given.migrator ?? `${database}_migrator`,
    readWrite: given.readWrite ?? `${database}_rw`,
    readOnly: given.readOnly ?? `${database}_r`,
    applications: given.applications ?? [`${database}_app`],
    reporters: given.reporters ?? [],
    schemas: given.schemas ?? ["app"],
  };
}

const DATA = ["select", "insert", "update", "delete"];

/**
 * A role that owns and migrates, and roles that only use. Default privileges hold in every schema and sequences can be
 * read as well, as the guide's own commands have it. Its owner may make roles, which before PostgreSQL 16 is nearly
 * everything; plans say so.
 */
function guide({ migrator, applications, schemas }: ReturnType<typeof guideNames>) {
  return {
    roles: {
      [migrator]: { login: true, createdb: true, createrole: true },
      ...rolesOf(applications, () => ({ login: true })),
    },
    database_acl: { owner: migrator },
    schemas: Object.fromEntries(
      schemas.map((schema) => [
        schema,
        {
          ...(schema === "public" ? {} : { owner: migrator }),
          revoke_public: ["create"],
          grants: [
            ...(schema === "public"
              ? [
                  { to: "PUBLIC", usage: true },
                  { to: migrator, create: true },
                ]
              : []),
            {
              to: applications,
              ...(schema === "public" ? {} : { usage: true }),
              tables: DATA,
              sequences: ["usage", "select"],
            },
          ],
        },
      ]),
    ),
    default_privileges: [{ for: migrator, to: applications, tables: DATA, sequences: ["usage", "select"] }],
  };
}

/**
 * An owner that nobody can log in as, a migrator that becomes it, groups for writing and reading, and logins in them.
 * PUBLIC has nothing left, not even the right to connect.
 */
function threeTier(names: ReturnType<typeof threeTierNames>) {
  const { owner, migrator, readWrite, readOnly, applications, reporters, schemas } = names;
  const settings = { search_path: [...schemas.map(quotedWhenNeeded), "pg_temp"].join(", ") };
  return {
    roles: {
      [owner]: { login: false },
      [migrator]: { login: true, run_as: owner, settings },
      [readWrite]: { login: false },
      [readOnly]: { login: false },
      ...rolesOf(applications, () => ({ login: true, member_of: [readWrite], settings })),
      ...rolesOf(reporters, () => ({
        login: true,
        member_of: [readOnly],
        settings: { ...settings, default_transaction_read_only: "on" },
      })),
    },
    database_acl: { owner, revoke_public: true, connect: [migrator, readWrite, readOnly] },
    schemas: {
      ...(schemas.includes("public") ? {} : { public: { revoke_public: ["create", "usage"] } }),
      ...Object.fromEntries(schemas.map((schema) => [schema, ownedSchema({ owner, readWrite, readOnly })])),
    },
  };
}

function ownedSchema({ owner, readWrite, readOnly }: { owner: string; readWrite: string; readOnly: string }) {
  return {
    owner,
    revoke_public: true,
    revoke_public_objects: ["tables", "sequences"],
    grants: [
      { to: readWrite, usage: true, tables: DATA, sequences: ["usage"], routines: ["execute"] },
      { to: readOnly, usage: true, tables: ["select"] },
    ],
    defaults_for: [owner],
    routines_public_execute: "revoke",
  };
}

function rolesOf(names: readonly string[], role: () => PlainDocument): Record<string, PlainDocument> {
  return Object.fromEntries(names.map((name) => [name, role()]));
}

/** As search_path wants a name: quoted unless it is plain. */
function quotedWhenNeeded(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** `document` as if it had been written at `at`. */
export function sourceOf(document: PlainDocument, at: Position): SourceNode {
  if (typeof document !== "object") {
    const text = String(document);
    return { kind: "scalar", at, text, isNull: false, isPlain: typeof document !== "string" };
  }
  if (isList(document)) return { kind: "list", at, items: document.map((item) => sourceOf(item, at)) };
  const entries = Object.entries(document).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, at, value: sourceOf(value, at) }],
  );
  return { kind: "map", at, entries };
}

function isList(document: object): document is readonly PlainDocument[] {
  return Array.isArray(document);
}

/** `given` laid over `base`. */
export function laidOver(base: SourceNode, given: SourceNode): SourceNode {
  if (base.kind === "map" && given.kind === "map") return mapLaidOver(base, given);
  if (base.kind === "list" && given.kind === "list") return { ...given, items: [...base.items, ...given.items] };
  const isAbsent = given.kind === "scalar" && given.isNull;
  return isAbsent ? base : given;
}

function mapLaidOver(base: MapNode, given: MapNode): MapNode {
  const written = new Map(given.entries.map((entry) => [entry.key, entry]));
  const inBase = new Set(base.entries.map((entry) => entry.key));
  const entries: MapEntry[] = base.entries.map((entry) => {
    const own = written.get(entry.key);
    return own ? { ...own, value: laidOver(entry.value, own.value) } : entry;
  });
  return { ...given, entries: [...entries, ...given.entries.filter(({ key }) => !inBase.has(key))] };
}
