/**
 * Code that one role leaves where another role's statements run it: functions of triggers, defaults, constraints,
 * policies, rules and views, whose owner can replace them; views themselves; and the TRIGGER privilege, which lets its
 * holder put a function of its own on somebody else's table.
 *
 * Tables with the same owner and the same list are one gate, so ten thousand of them make a handful of edges.
 */
import { ident } from "../../../pg/identifiers.ts";
import type { Hook } from "../../catalog/snapshot.ts";
import { PUBLIC } from "../../privileges/acl.ts";
import type { CatalogObject } from "../../privileges/catalog-object.ts";
import type { PrivilegeName } from "../../privileges/privilege.ts";
import { defineEdgeRule, type World } from "../edge-rule.ts";
import { grantee } from "../grantee-sql.ts";
import { being, type EdgeFacts, gate, roleText, using } from "../graph.ts";
import { ownRoutines } from "../own-routines.ts";
import { tableGroups } from "../table-groups.ts";

const WRITES: readonly PrivilegeName[] = ["insert", "update", "delete"];
const READS_AND_WRITES: readonly PrivilegeName[] = ["select", ...WRITES];

/** What has to happen on the table for the hook to run. */
const RUNS_ON: Readonly<Record<Exclude<Hook["kind"], "event trigger">, readonly PrivilegeName[]>> = {
  trigger: WRITES,
  default: WRITES,
  index: WRITES,
  constraint: WRITES,
  policy: READS_AND_WRITES,
  view: READS_AND_WRITES,
  rule: READS_AND_WRITES,
};

/** Everybody who can use a table that is open to PUBLIC. */
const ANY_LOGIN = gate("whoever uses a table open to PUBLIC");

export default defineEdgeRule({
  name: "trojan",
  summary: "Who owns code on a table, or may put a trigger there, acts as whoever uses the table next.",
  *edges(world) {
    yield* hookEdges(world);
    yield* triggerEdges(world);
    yield* viewEdges(world);
    yield* openTableEdges(world);
  },
});

function* hookEdges({ snapshot, hooks, holders }: World): Iterable<EdgeFacts> {
  const routines = ownRoutines(snapshot);
  const tables = new Map(snapshot.objects.table.map((table) => [table.oid, table]));
  for (const hook of hooks) {
    if (hook.kind === "event trigger" || hook.table === undefined) continue;
    const routine = routines.get(hook.routine);
    const table = tables.get(hook.table);
    if (!routine?.owner || !table?.owner || routine.extension !== undefined) continue;
    const users = holders.users(table, RUNS_ON[hook.kind]);
    for (const user of users) {
      if (user === routine.owner) continue;
      yield {
        from: using(routine.owner),
        to: victim(user),
        evidence: `"${routine.owner}" owns ${routine.sql}, which ${hook.kind} "${hook.name}" of ${table.sql} runs`,
        strength: "waiting",
        condition: `${roleText(user)} uses ${table.sql}`,
        remove: `alter routine ${routine.sql} owner to ${ident(table.owner)}`,
      };
    }
  }
}

/** Acting as PUBLIC is acting as anybody who uses the table; that is every role, through a gate. */
function victim(role: string): EdgeFacts["to"] {
  return role === PUBLIC ? ANY_LOGIN : being(role);
}

function* openTableEdges({ snapshot }: World): Iterable<EdgeFacts> {
  for (const { name, login } of snapshot.roles.values()) {
    if (!login) continue;
    yield {
      from: ANY_LOGIN,
      to: being(name),
      evidence: `"${name}" can log in and may use what is open to PUBLIC`,
      strength: "waiting",
      condition: `"${name}" uses it`,
    };
  }
}

function* triggerEdges({ snapshot, holders }: World): Iterable<EdgeFacts> {
  for (const tables of tableGroups(snapshot.objects.table.filter(isWritable))) {
    const [table] = tables;
    if (!table?.owner) continue;
    const setters = holders.of(table, ["trigger"], false);
    const writers = holders.users(table, WRITES);
    const name = `trigger on ${table.sql}`;
    const example = tables.length === 1 ? table.sql : `${table.sql} and ${tables.length - 1} more`;
    for (const role of setters) {
      yield {
        from: using(role),
        to: gate(name),
        evidence: `${roleText(role)} ${role === table.owner ? "owns" : "has TRIGGER on"} ${example}`,
        remove: role === table.owner ? undefined : `revoke trigger on table ${names(tables)} from ${grantee(role)}`,
      };
    }
    for (const role of writers) {
      if (setters.length === 1 && setters[0] === role) continue;
      yield {
        from: gate(name),
        to: victim(role),
        evidence: `a trigger on ${example} runs with the rights of ${roleText(role)}, who writes there`,
        strength: "waiting",
        condition: `${roleText(role)} writes to ${example}`,
      };
    }
  }
}

function* viewEdges({ snapshot, holders }: World): Iterable<EdgeFacts> {
  for (const views of tableGroups(snapshot.objects.table.filter(({ subkind }) => subkind === "view"))) {
    const [view] = views;
    if (!view?.owner) continue;
    const example = views.length === 1 ? view.sql : `${view.sql} and ${views.length - 1} more`;
    for (const role of holders.of(view, READS_AND_WRITES, false)) {
      if (role === view.owner) continue;
      yield {
        from: using(view.owner),
        to: victim(role),
        evidence: `"${view.owner}" owns ${example} and can make it call a function of its own`,
        strength: "waiting",
        condition: `${roleText(role)} reads ${example}`,
      };
    }
  }
}

const names = (objects: readonly CatalogObject[]): string => objects.map(({ sql }) => sql).join(", ");

const isWritable = ({ subkind }: CatalogObject): boolean => subkind !== "materialized view";
