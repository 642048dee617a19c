/**
 * ADMIN on a membership: its holder grants the role to itself and becomes it. Superuser roles are safe from that, the
 * server refuses to let anybody else give them away.
 */

import { revokeOption } from "../../catalog/membership-sql.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { being, using } from "../graph.ts";

export default defineEdgeRule({
  name: "admin-option",
  summary: "Who has ADMIN on a role can grant it to itself.",
  *edges({ snapshot }) {
    for (const membership of snapshot.memberships) {
      if (!membership.admin || snapshot.roles.get(membership.role)?.superuser) continue;
      yield {
        from: using(membership.member),
        to: being(membership.role),
        evidence: `"${membership.member}" has ADMIN on "${membership.role}" and can grant it to itself`,
        remove: revokeOption("admin", membership, snapshot.major),
      };
    }
  },
});
