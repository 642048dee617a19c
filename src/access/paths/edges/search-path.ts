/**
 * Names without a schema are looked up along the search_path, so who may create in a schema there can offer a better
 * match for a function or an operator that somebody else's statement means. Three ways to come into that position: CREATE on
 * such a schema; CREATE on the database, since a schema named like the role comes first through "$user"; owning the database,
 * whose owner may set the search_path of everybody without a setting of their own.
 */
import { ident } from "../../../pg/identifiers.ts";
import { PUBLIC } from "../../catalog/acl.ts";
import type { Role, Snapshot } from "../../catalog/snapshot.ts";
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
  },
});

/** Those whose statements can be caught: they log in, and superusers as much as anybody. */
const victims = ({ roles }: Snapshot): Role[] => [...roles.values()].filter(({ login }) => login);

function* schemaEdges({ snapshot, holders }: World): Iterable<EdgeFacts> {
  const schemas = new Map(snapshot.objects.schema.map((schema) => [schema.name, schema]));
  const searched = new Set<string>();
  for (const role of victims(snapshot)) {
    for (const element of searchPathOf(role, snapshot)) {
      const name = element === "$user" ? role.name : element;
      if (!schemas.has(name)) continue;
      searched.add(name);
      yield {
        from: gate(`create in schema ${name}`),
        to: being(role.name),
        evidence: `schema "${name}" is in the search_path of "${role.name}"`,
        strength: "waiting",
        condition: `"${role.name}" runs a statement with unqualified names in this database`,
        remove: `alter role ${ident(role.name)} in database ${ident(snapshot.database)} set search_path = pg_catalog, pg_temp`,
      };
    }
  }
  for (const name of searched) {
    const schema = schemas.get(name);
    if (!schema) continue;
    for (const role of holders.of(schema, ["create"], false)) {
      yield {
        from: using(role),
        to: gate(`create in schema ${name}`),
        evidence: `${roleText(role)} ${role === schema.owner ? "owns" : "may create in"} schema "${name}"`,
        remove: role === schema.owner ? undefined : `revoke create on schema ${schema.sql} from ${grantee(role)}`,
      };
    }
  }
}

function* databaseEdges({ snapshot, holders }: World): Iterable<EdgeFacts> {
  const database = snapshot.objects.database.find(({ name }) => name === snapshot.database);
  if (!database) return;
  const schemas = new Set(snapshot.objects.schema.map(({ name }) => name));
  const newSchema = gate("a new schema named like a role");
  const settings = gate("the database's own settings");
  for (const role of holders.of(database, ["create"], false)) {
    if (role === PUBLIC || !snapshot.roles.get(role)?.superuser) {
      yield {
        from: using(role),
        to: newSchema,
        evidence: `${roleText(role)} ${role === database.owner ? "owns" : "may create schemas in"} database "${snapshot.database}"`,
        remove: role === database.owner ? undefined : `revoke create on database ${database.sql} from ${grantee(role)}`,
      };
    }
  }
  if (database.owner !== undefined) {
    yield {
      from: using(database.owner),
      to: settings,
      evidence: `"${database.owner}" owns database "${snapshot.database}" and may set its search_path`,
    };
  }
  for (const role of victims(snapshot)) {
    const isCaught = searchPathOf(role, snapshot).includes("$user") && !schemas.has(role.name);
    const remove = `alter role ${ident(role.name)} in database ${database.sql} set search_path = pg_catalog, pg_temp`;
    const strength = "waiting";
    const condition = `"${role.name}" runs a statement with unqualified names in this database`;
    if (isCaught) {
      const evidence = `"$user" puts a schema called "${role.name}" first in the search_path of "${role.name}"`;
      yield { from: newSchema, to: being(role.name), evidence, strength, condition, remove };
    }
    if (!hasOwnSearchPath(role, snapshot)) {
      const evidence = `"${role.name}" has no search_path of its own in this database`;
      yield { from: settings, to: being(role.name), evidence, strength, condition, remove };
    }
  }
}
