/**
 * ROL-021: settings of single roles or databases that switch auditing or safety off.
 *
 * The server keeps values as they were written, so `NONE`, `no` and `0` have to be understood as it understands them.
 */
import { defineCheck, type Found } from "../../check.ts";
import { type StoredSetting, storedSettings } from "./stored-settings.ts";

const FALSE = /^(of|off|f|fa|fal|fals|false|n|no|0)$/i;
const TRUE = /^(on|t|tr|tru|true|y|ye|yes|1)$/i;
const PANIC = /^(fatal|panic)$/i;

/** Names in lower case, and the values that weaken. */
const WEAK: Readonly<Record<string, RegExp>> = {
  log_statement: /^none$/i,
  log_min_error_statement: PANIC,
  log_min_messages: PANIC,
  session_replication_role: /^(replica|local)$/i,
  "pgaudit.log": /^\s*(none|-all)?\s*$/i,
  "pgaudit.role": /^$/,
  allow_system_table_mods: TRUE,
  password_encryption: /^md5$/i,
  check_function_bodies: FALSE,
  session_preload_libraries: /\S/,
  row_security: FALSE,
  event_triggers: FALSE,
};

export default defineCheck({
  id: "ROL-021",
  title: "setting of a role or database weakens auditing or safety",
  severity: "high",
  why:
    "Such a setting holds for one role or database, where nobody looks who reads postgresql.conf: statements are not " +
    "logged, triggers do not fire, row level security is an error, a library is loaded. Most of them take a superuser or " +
    "a granted parameter to set, so somebody meant it.",
  remedy: "Find out who needs it, then reset it.",
  references: { manual: ["Setting Parameters"], other: ["pgAudit"] },
  scope: "cluster",
  needs: [],
  examine: async (facts) => {
    const stored = await storedSettings(facts, Object.keys(WEAK));
    return stored.filter(({ name, value }) => WEAK[name.toLowerCase()]?.test(value)).map(finding);
  },
});

function finding({ holder, name, value, reset }: StoredSetting): Found {
  return {
    object: `${holder} ${name}`,
    detail: value === "" ? "empty" : value,
    fix: {
      kind: "sql",
      sql: [reset],
      risk: "medium",
      riskReason: "new sessions get the server's value; somebody may rely on the other",
    },
  };
}
