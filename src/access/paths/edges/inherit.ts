/**
 * Inheritance: the privileges and the ownership of a role, without its attributes.
 *
 * Up to 15 the member's INHERIT attribute decides, from 16 each membership; the snapshot carries either in one field.
 */

import { revokeMembership } from "../../catalog/membership-sql.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { using } from "../graph.ts";

export default defineEdgeRule({
  name: "inherit",
  summary: "A member that inherits has the role's privileges and owns what it owns.",
  *edges({ snapshot }) {
    for (const membership of snapshot.memberships) {
      if (!membership.inherit) continue;
      const { role, member } = membership;
      yield {
        from: using(member),
        to: using(role),
        evidence: `"${member}" is a member of "${role}" and inherits`,
        remove: revokeMembership(membership, snapshot.major),
      };
    }
    const owner = snapshot.objects.database.find(({ name }) => name === snapshot.database)?.owner;
    if (owner === undefined) return;
    yield {
      from: using(owner),
      to: using("pg_database_owner"),
      evidence: `"${owner}" owns the database, which makes it a member of "pg_database_owner"`,
    };
  },
});
