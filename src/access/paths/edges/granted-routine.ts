/**
 * Who owns a routine can replace its body, and whoever calls it runs that. Those it was granted to by name are expected
 * to call it; that everybody may by default says nothing about who does.
 */
import { PUBLIC } from "../../privileges/acl.ts";
import type { CatalogObject } from "../../privileges/catalog-object.ts";
import { privilegeSet } from "../../privileges/privilege.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { grantee } from "../grantee-sql.ts";
import { being, using } from "../graph.ts";

export default defineEdgeRule({
  name: "granted-routine",
  summary: "The owner of a routine acts as those it was granted to, when they call it.",
  *edges({ snapshot }) {
    for (const routines of grantedByName(snapshot.objects.routine).values()) {
      const [first] = routines;
      if (!first) continue;
      const { owner, caller, sql } = first;
      const example = routines.length === 1 ? sql : `${sql} and ${routines.length - 1} more`;
      yield {
        from: using(owner),
        to: being(caller),
        evidence: `"${owner}" owns ${example} and can replace what "${caller}" was granted to execute`,
        strength: "waiting",
        condition: `"${caller}" calls ${example}`,
        remove: `revoke execute on routine ${routines.map((one) => one.sql).join(", ")} from ${grantee(caller)}`,
      };
    }
  },
});

interface GrantedRoutine {
  owner: string;
  caller: string;
  sql: string;
}

/** By owner and caller, so that one statement closes all of a pair. */
function grantedByName(routines: readonly CatalogObject[]): Map<string, GrantedRoutine[]> {
  const execute = privilegeSet(["execute"]);
  const found = new Map<string, GrantedRoutine[]>();
  for (const { owner, acl = [], sql, extension } of routines) {
    if (owner === undefined || extension !== undefined) continue;
    for (const { grantee: caller, privileges } of acl) {
      if (caller === owner || caller === PUBLIC || (privileges & execute) === 0) continue;
      const pair = JSON.stringify([owner, caller]);
      const same = found.get(pair) ?? [];
      same.push({ owner, caller, sql });
      found.set(pair, same);
    }
  }
  return found;
}
