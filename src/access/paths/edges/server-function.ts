/** Built-in functions on the server's files, once somebody may execute them. They are closed to PUBLIC at first. */
import { PUBLIC } from "../../privileges/acl.ts";
import { privilegeSet } from "../../privileges/privilege.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { grantee } from "../grantee-sql.ts";
import { goal, roleText, using } from "../graph.ts";

/** Given by the system's own roles from the start; paths through those roles are found as such. */
const isBuiltIn = (role: string): boolean => role.startsWith("pg_");

export default defineEdgeRule({
  name: "server-function",
  summary: "Functions that read or write files of the server can be granted to anybody.",
  *edges({ facts }) {
    const execute = privilegeSet(["execute"]);
    for (const { signature, writes, owner, acl } of facts.fileFunctions) {
      const holders =
        acl === undefined
          ? [PUBLIC]
          : acl.filter(({ privileges }) => (privileges & execute) !== 0).map(({ grantee: name }) => name);
      for (const role of new Set(holders)) {
        if (role === owner || isBuiltIn(role)) continue;
        yield {
          from: using(role),
          to: goal(writes ? "server account" : "server files"),
          evidence: `${roleText(role)} may execute pg_catalog.${signature}`,
          remove: `revoke execute on function pg_catalog.${signature} from ${grantee(role)}`,
        };
      }
    }
  },
});
