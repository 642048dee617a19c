/**
 * The function of an event trigger runs with the rights of whoever issues the next DDL, superusers among them; its
 * owner can replace the body at any time.
 */
import { ident } from "../../../pg/identifiers.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { being, using } from "../graph.ts";
import { ownRoutines } from "../own-routines.ts";

export default defineEdgeRule({
  name: "event-trigger",
  summary: "The owner of an event trigger's function acts as whoever issues the next DDL statement.",
  *edges({ snapshot, hooks }) {
    const routines = ownRoutines(snapshot);
    const superusers = [...snapshot.roles.values()].filter(({ superuser }) => superuser);
    const [first] = superusers;
    for (const hook of hooks) {
      const routine = hook.kind === "event trigger" ? routines.get(hook.routine) : undefined;
      if (!routine?.owner || !first || snapshot.roles.get(routine.owner)?.superuser) continue;
      for (const { name } of superusers) {
        yield {
          from: using(routine.owner),
          to: being(name),
          evidence: `"${routine.owner}" owns ${routine.sql}, which event trigger "${hook.name}" runs`,
          strength: "waiting",
          condition: `"${name}" issues a DDL statement in this database`,
          remove: `alter routine ${routine.sql} owner to ${ident(first.name)}`,
        };
      }
    }
  },
});
