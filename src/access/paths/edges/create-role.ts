/**
 * CREATEROLE. Up to 15 it grants any role but a superuser to anybody, pg_execute_server_program among them, which is as
 * good as being superuser. From 16 it reaches only roles that it has ADMIN on, and those edges exist already.
 */
import { ident } from "../../../pg/identifiers.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { being, gate } from "../graph.ts";

const ANY_ROLE = gate("every role that is not a superuser");

export default defineEdgeRule({
  name: "create-role",
  summary: "Up to PostgreSQL 15, CREATEROLE may grant itself every role that is not a superuser.",
  *edges({ snapshot }) {
    if (snapshot.major >= 16) return;
    for (const { name, createRole, superuser } of snapshot.roles.values()) {
      if (createRole && !superuser) {
        yield {
          from: being(name),
          to: ANY_ROLE,
          evidence: `"${name}" has CREATEROLE, which before PostgreSQL 16 may grant itself any role`,
          remove: `alter role ${ident(name)} nocreaterole`,
        };
      }
      // The server refuses members of pg_database_owner.
      if (superuser || name === "pg_database_owner") continue;
      yield { from: ANY_ROLE, to: being(name), evidence: `"${name}" is not a superuser, so it can be granted` };
    }
  },
});
