/** Being a role includes its privileges, and everybody has those of PUBLIC. Nothing takes that away. */
import { PUBLIC } from "../../privileges/acl.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { being, using } from "../graph.ts";

export default defineEdgeRule({
  name: "use",
  summary: "Whoever acts as a role has its privileges, and those given to PUBLIC.",
  *edges({ snapshot }) {
    for (const role of snapshot.roles.keys()) {
      yield { from: being(role), to: using(role), evidence: `"${role}" has its own privileges` };
      yield { from: using(role), to: using(PUBLIC), evidence: "every role has the privileges of PUBLIC" };
    }
  },
});
