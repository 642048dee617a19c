/**
 * Planning for a database that is not there yet: the statement that makes it, and the picture of an empty one.
 *
 * The look was at another database of the same server. What belongs to the server stays as it was seen; of the database
 * only what every new one has is left.
 */
import { ident } from "../../pg/identifiers.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import { type CatalogObject, forEachKind, type ObjectKind } from "../privileges/catalog-object.ts";
import { type Difference, type DraftBook, STEP } from "./draft.ts";
import type { Rights } from "./required-rights.ts";

/** What belongs to the server, and the languages, which every new database has. */
const KEPT: readonly ObjectKind[] = ["language", "parameter", "tablespace"];

export function isMissing(database: string, snapshot: Snapshot): boolean {
  return snapshot.database !== database && !snapshot.objects.database.some(({ name }) => name === database);
}

/** The server as it will be once `database` is made by the executor. */
export function withNewDatabase(database: string, snapshot: Snapshot): Snapshot {
  const { objects, executor } = snapshot;
  const made: CatalogObject = {
    kind: "database",
    oid: 0,
    schema: undefined,
    name: database,
    sql: ident(database),
    owner: executor.currentUser,
    acl: undefined,
  };
  return {
    ...snapshot,
    database,
    databaseOid: 0,
    objects: {
      ...forEachKind((kind) => (KEPT.includes(kind) ? objects[kind] : [])),
      database: [...objects.database, made],
      schema: objects.schema.filter(({ name }) => name === "public"),
    },
    defaultAcls: [],
    policies: [],
    databaseSettings: [],
    schemaComments: new Map([["public", "standard public schema"]]),
    roleDependencies: [...(snapshot.roleDependencies ?? [])],
  };
}

export function planDatabase(database: string, { book, rights }: { book: DraftBook; rights: Rights }): void {
  const common = {
    sql: `create database ${ident(database)}`,
    object: `database ${ident(database)}`,
    role: rights.executor,
    reason: "the model's database is not there",
    touches: [{ about: "object" as const, kind: "database", sql: ident(database) }],
    differences: (): readonly Difference[] => [
      {
        difference: "missing",
        what: "database",
        object: `database ${ident(database)}`,
        role: undefined,
        wanted: "present",
        found: undefined,
      },
    ],
  };
  const inverse = `drop database ${ident(database)}`;
  book.propose(
    { ...common, step: STEP.database, stage: "before", kind: "create database", inverse },
    rights.createDatabase(),
  );
}
