/** SET ROLE: up to 15 any membership allows it, from 16 those with the SET option; hop by hop either way. */

import { revokeMembership } from "../../catalog/membership-sql.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { being } from "../graph.ts";

export default defineEdgeRule({
  name: "set-role",
  summary: "A member may become the role with SET ROLE, and then has its attributes too.",
  *edges({ snapshot }) {
    for (const membership of snapshot.memberships) {
      if (!membership.set) continue;
      yield {
        from: being(membership.member),
        to: being(membership.role),
        evidence: `"${membership.member}" is a member of "${membership.role}" and may SET ROLE to it`,
        remove: revokeMembership(membership, snapshot.major),
      };
    }
  },
});
