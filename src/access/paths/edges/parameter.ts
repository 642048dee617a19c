/**
 * Parameters that run or load something (15 and later): ALTER SYSTEM on them, or SET where the server loads a library
 * for the holder's own session.
 */
import { privilegeSet } from "../../privileges/privilege.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { grantee } from "../grantee-sql.ts";
import { goal, roleText, using } from "../graph.ts";

const ALTER_SYSTEM = new Set([
  "archive_cleanup_command",
  "archive_command",
  "archive_library",
  "dynamic_library_path",
  "local_preload_libraries",
  "recovery_end_command",
  "restore_command",
  "restore_library",
  "session_preload_libraries",
  "shared_preload_libraries",
  "ssl_passphrase_command",
  "jit_provider",
]);

const SET = new Set(["session_preload_libraries", "dynamic_library_path"]);

export default defineEdgeRule({
  name: "parameter",
  summary: "Some parameters name programs or libraries that the server runs.",
  *edges({ snapshot }) {
    for (const { name, acl, sql } of snapshot.objects.parameter) {
      for (const { grantee: role, privileges } of acl ?? []) {
        for (const right of ["alter system", "set"] as const) {
          const isReached = (right === "set" ? SET : ALTER_SYSTEM).has(name);
          if (!isReached || (privileges & privilegeSet([right])) === 0) continue;
          if (snapshot.roles.get(role)?.superuser) continue;
          yield {
            from: using(role),
            to: goal("server account"),
            evidence: `${roleText(role)} may ${right.toUpperCase()} ${name}, which names what the server runs or loads`,
            remove: `revoke ${right} on parameter ${sql} from ${grantee(role)}`,
          };
        }
      }
    }
  },
});
