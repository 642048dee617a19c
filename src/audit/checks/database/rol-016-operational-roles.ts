/** ROL-016: logins with other predefined roles that act on the server as a whole. */
import { membershipCheck } from "./membership.ts";

export default membershipCheck({
  id: "ROL-016",
  title: "login has an operational role",
  severity: "low",
  why:
    "These predefined roles end other people's sessions, force checkpoints, rewrite any table or make the server connect " +
    "out. None of it shows data, all of it disturbs others.",
  remedy: "Keep them for the people and jobs that operate the server, and revoke them elsewhere.",
  references: { cis: ["4.9"], manual: ["Predefined Roles"] },
  target:
    "t.rolname in ('pg_signal_backend', 'pg_create_subscription', 'pg_maintain', 'pg_checkpoint', " +
    "'pg_signal_autovacuum_worker')",
  reach: "any",
  riskReason: "maintenance that uses the role stops for everybody in the group",
});
