/** Predefined roles whose members leave the database: programs, files, every row including stored passwords. */
import { defineEdgeRule } from "../edge-rule.ts";
import { type Goal, goal, using } from "../graph.ts";

const REACH: readonly { role: string; goal: Goal; evidence: string }[] = [
  { role: "pg_execute_server_program", goal: "server account", evidence: "runs programs with COPY ... PROGRAM" },
  { role: "pg_write_server_files", goal: "server account", evidence: "writes any file that the server may write" },
  { role: "pg_read_server_files", goal: "server files", evidence: "reads any file that the server may read" },
  { role: "pg_read_all_data", goal: "secrets", evidence: "reads every table, pg_authid and pg_user_mapping too" },
];

export default defineEdgeRule({
  name: "predefined-role",
  summary: "Some predefined roles reach the server's account, its files or the stored passwords.",
  *edges({ snapshot }) {
    for (const { role, goal: reached, evidence } of REACH) {
      if (snapshot.roles.has(role)) yield { from: using(role), to: goal(reached), evidence: `"${role}" ${evidence}` };
    }
  },
});
