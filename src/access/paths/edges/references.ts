/**
 * REFERENCES on a table lets its holder point a foreign key there. What a deletion then cascades to is the holder's own
 * table, and up to 17 a deferred constraint trigger there runs at the end of the transaction, as whoever deleted. From 18
 * it runs as the role that the cascade ran as, which is the holder itself.
 */
import { PUBLIC } from "../../privileges/acl.ts";
import type { CatalogObject } from "../../privileges/catalog-object.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { grantee } from "../grantee-sql.ts";
import { being, gate, roleText, using } from "../graph.ts";
import { tableGroups } from "../table-groups.ts";

export default defineEdgeRule({
  name: "references",
  summary:
    "Up to PostgreSQL 17, a foreign key on somebody's table can run its owner's code when rows are deleted there.",
  *edges({ snapshot, holders }) {
    if (snapshot.major >= 18) return;
    for (const tables of tableGroups(snapshot.objects.table.filter(canBeReferenced))) {
      const [table] = tables;
      const holding = table ? holders.of(table, ["references"], false).filter((role) => role !== table.owner) : [];
      if (!table || holding.length === 0) continue;
      const example = tables.length === 1 ? table.sql : `${table.sql} and ${tables.length - 1} more`;
      const position = gate(`a foreign key on ${table.sql}`);
      for (const role of holding) {
        yield {
          from: using(role),
          to: position,
          evidence: `${roleText(role)} may point a foreign key at ${example}`,
          remove: `revoke references on table ${tables.map(({ sql }) => sql).join(", ")} from ${grantee(role)}`,
        };
      }
      for (const user of holders.users(table, ["update", "delete"])) {
        // Everybody at once is no role to become; those who are named are.
        if (user === PUBLIC) continue;
        yield {
          from: position,
          to: being(user),
          evidence: `what a foreign key cascades to can run code as "${user}", who deletes or changes rows of ${example}`,
          strength: "waiting",
          condition: `"${user}" deletes or changes a row of ${example}`,
        };
      }
    }
  },
});

const canBeReferenced = ({ subkind }: CatalogObject): boolean => subkind === "table" || subkind === "partitioned table";
