/**
 * The owner of a schema may drop whatever stands in it, whoever owns that, and put something of its own under the same
 * name: a view or a table with a trigger, whose code runs with the rights of whoever uses the name next.
 */
import { ident } from "../../../pg/identifiers.ts";
import { PUBLIC } from "../../privileges/acl.ts";
import type { CatalogObject } from "../../privileges/catalog-object.ts";
import type { PrivilegeName } from "../../privileges/privilege.ts";
import { defineEdgeRule, type World } from "../edge-rule.ts";
import { being, gate, roleText, using } from "../graph.ts";

const USES: readonly PrivilegeName[] = ["select", "insert", "update", "delete"];

export default defineEdgeRule({
  name: "schema-owner",
  summary: "The owner of a schema can replace what others own in it.",
  *edges(world) {
    for (const schema of world.snapshot.objects.schema) {
      const { owner } = schema;
      if (owner === undefined || world.snapshot.roles.get(owner)?.superuser) continue;
      const foreign = foreignTables(schema, world);
      const [first] = foreign;
      if (!first?.owner) continue;
      const position = gate(`replacing what stands in schema ${schema.sql}`);
      yield {
        from: using(owner),
        to: position,
        evidence: `"${owner}" owns schema ${schema.sql} and can drop ${first.sql} of "${first.owner}" for something of its own`,
        remove: `alter schema ${schema.sql} owner to ${ident(first.owner)}`,
      };
      for (const user of usersOf(foreign, world)) {
        if (user === owner) continue;
        yield {
          from: position,
          to: being(user),
          evidence: `${roleText(user)} uses names of schema ${schema.sql}`,
          strength: "waiting",
          condition: `${roleText(user)} uses one of them`,
        };
      }
    }
  },
});

function foreignTables(schema: CatalogObject, { snapshot }: World): CatalogObject[] {
  return snapshot.objects.table.filter(
    (table) => table.schema === schema.name && table.owner !== schema.owner && table.extension === undefined,
  );
}

/** Grantees and owners; what is open to PUBLIC is used by everybody who can log in. */
function usersOf(tables: readonly CatalogObject[], { snapshot, holders }: World): Set<string> {
  const users = new Set(tables.flatMap((table) => holders.of(table, USES, false)));
  if (!users.delete(PUBLIC)) return users;
  for (const { name, login } of snapshot.roles.values()) if (login) users.add(name);
  return users;
}
