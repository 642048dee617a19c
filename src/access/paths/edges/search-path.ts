/**
 * Names without a schema are looked up along the search_path, so who may create in a schema there can offer a better
 * match for a function or an operator that somebody else's statement means. Three ways to come into that position: CREATE on
 * such a schema; CREATE on the database, since a schema named like the role comes first through "$user"; owning the database,
 * whose owner may set the search_path of everybody without a setting of their own.
 */
import { ident } from "../../../pg/identifiers.ts";
import type { Role, Snapshot } from "../../catalog/snapshot.ts";
import type { CatalogObject } from "../../privileges/catalog-object.ts";
import { defineEdgeRule, type World } from "../edge-rule.ts";
import { grantee } from "../grantee-sql.ts";
import { being, type EdgeFacts, gate, roleText, using } from "../graph.ts";
import { hasOwnSearchPath, searchPathOf } from "../search-path.ts";

export default defineEdgeRule({
  name: "search-path",
  summary: "Who may create in a schema of somebody's search_path can catch that role's unqualified names.",
  *edges(world) {
    yield* schemaEdges(world);
    yield* databaseEdges(world);
    yield* victimEdges(world);
  },
});

/** Those whose statements can be caught: they log in, and superusers as much as anybody. */
const victims = ({ roles }: Snapshot): Role[] => [...roles.values()].filter(({ login }) => login);

/** Where all ways to catch the names of one role meet, so that one statement closes them. */
const namesOf = (role: string) => gate(`the unqualified names of ${role}`);

function* victimEdges({ snapshot }: World): Iterable<EdgeFacts> {
  for (const { name } of victims(snapshot)) {
    yield {
      from: namesOf(name),
      to: being(name),
      evidence: `what such a name of "${name}" finds runs with the rights of "${name}"`,
      strength: "waiting",
      condition: `"${name}" runs a statement with unqualified names in this database`,
      remove: `alter role ${ident(name)} in database ${ident(snapshot.database)} set search_path = pg_catalog, pg_temp`,
    };
  }
}

function* schemaEdges({ snapshot, holders }: World): Iterable<EdgeFacts> {
  const schemas = new Map(snapshot.objects.schema.map((schema) => [schema.name, schema]));
  const searched = new Map<string, CatalogObject>();
  for (const role of victims(snapshot)) {
    for (const element of searchPathOf(role, snapshot)) {
      const schema = schemas.get(element === "$user" ? role.name : element);
      if (!schema) continue;
      searched.set(schema.name, schema);
      const evidence = `schema "${schema.name}" is in the search_path of "${role.name}"`;
      yield { from: creating(schema), to: namesOf(role.name), evidence };
    }
  }
  for (const schema of searched.values()) {
    for (const role of holders.of(schema, ["create"], false)) {
      yield {
        from: using(role),
        to: creating(schema),
        evidence: `${roleText(role)} ${role === schema.owner ? "owns" : "may create in"} schema "${schema.name}"`,
        remove: role === schema.owner ? undefined : `revoke create on schema ${schema.sql} from ${grantee(role)}`,
      };
    }
  }
}

const creating = ({ name }: CatalogObject) => gate(`create in schema ${name}`);

const NEW_SCHEMA = gate("a new schema named like a role");
const DATABASE_SETTINGS = gate("the database's own settings");

function* databaseEdges({ snapshot, holders }: World): Iterable<EdgeFacts> {
  const database = snapshot.objects.database.find(({ name }) => name === snapshot.database);
  if (!database) return;
  for (const role of holders.of(database, ["create"], false)) {
    const isOwner = role === database.owner;
    yield {
      from: using(role),
      to: NEW_SCHEMA,
      evidence: `${roleText(role)} ${isOwner ? "owns" : "may create schemas in"} database "${database.name}"`,
      remove: isOwner ? undefined : `revoke create on database ${database.sql} from ${grantee(role)}`,
    };
    if (isOwner) {
      const evidence = `"${role}" owns database "${database.name}" and may set its search_path`;
      yield { from: using(role), to: DATABASE_SETTINGS, evidence };
    }
  }
  const schemas = new Set(snapshot.objects.schema.map(({ name }) => name));
  for (const role of victims(snapshot)) {
    if (searchPathOf(role, snapshot).includes("$user") && !schemas.has(role.name)) {
      const evidence = `"$user" puts a schema called "${role.name}" first in the search_path of "${role.name}"`;
      yield { from: NEW_SCHEMA, to: namesOf(role.name), evidence };
    }
    if (!hasOwnSearchPath(role)) {
      const evidence = `"${role.name}" has no search_path of its own, so the database's setting counts`;
      yield { from: DATABASE_SETTINGS, to: namesOf(role.name), evidence };
    }
  }
}
