/**
 * The picture of a server that a model needs: everything that people made, and of the server's own only what the model names.
 *
 * A server brings thousands of functions and views along. Whoever plans must not see them by accident, or rules about
 * "everybody's objects" would reach them; so all but the named ones are left out of the picture again.
 */
import type { Session } from "../../pg/session.ts";
import { inspect } from "../catalog/inspect.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { AccessModel, ObjectTarget } from "../model/model.ts";
import { objectMatcher } from "../model/object-pattern.ts";
import { type CatalogObject, forEachKind } from "../privileges/catalog-object.ts";

/** As inspect, with what `model` governs in the server's own schemas. Throws ACCESS_CATALOG_UNREADABLE. */
export async function inspectFor({ governed }: Pick<AccessModel, "governed">, session: Session): Promise<Snapshot> {
  const named = governed.filter(isAboutSystem);
  if (named.length === 0) return await inspect(session);
  const snapshot = await inspect(session, { includeSystem: true });
  const matchers = named.map(objectMatcher);
  const isWanted = (object: CatalogObject): boolean => !isSystem(object) || matchers.some((matches) => matches(object));
  return { ...snapshot, objects: forEachKind((kind) => snapshot.objects[kind].filter(isWanted)) };
}

function isAboutSystem({ kind, schema, patterns }: ObjectTarget): boolean {
  return kind === "schema" ? patterns.some(isSystemSchema) : schema !== undefined && isSystemSchema(schema);
}

function isSystem({ kind, schema, name }: CatalogObject): boolean {
  const where = kind === "schema" ? name : schema;
  return where !== undefined && isSystemSchema(where);
}

/** The prefix pg_ is kept for the server: nobody else can make such a schema. */
function isSystemSchema(name: string): boolean {
  return name === "information_schema" || name.startsWith("pg_");
}
