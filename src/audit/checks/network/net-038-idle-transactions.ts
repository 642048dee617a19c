/** NET-038: sessions may sit in an open transaction for ever. */
import type { Facts } from "../../facts/facts.ts";
import { settingCheck, wrong } from "../setting-check.ts";

/** Login roles that no value of their own, nor one for all roles, reaches in every database. */
const WITHOUT_OWN_VALUE = `
  select r.rolname as role
    from pg_catalog.pg_roles as r
   where r.rolcanlogin
     and not exists (
       select from pg_catalog.pg_db_role_setting as s
         cross join pg_catalog.unnest(s.setconfig) as c(line)
        where s.setdatabase = 0
          and s.setrole in (0, r.oid)
          and c.line ~ '^(idle_in_transaction_session_timeout|transaction_timeout)=.*[1-9]')
   order by 1`;

const MOST_SHOWN = 5;

export default settingCheck({
  id: "NET-038",
  title: "sessions idle in a transaction never end",
  severity: "low",
  why:
    "A client that forgot its transaction, or was made to, holds locks, a connection and every dead row of the database. " +
    "One such session is enough to stop schema changes and let tables grow.",
  remedy: "Set idle_in_transaction_session_timeout, for application roles at least, and reload.",
  limits:
    "Passes when every login role has a value of its own. transaction_timeout (PostgreSQL 17) ends such sessions as well. Any " +
    "role can set another value for its own session.",
  references: { manual: ["Client Connection Defaults"], stig: ["session termination"] },
  judge: async (settings, facts) => {
    const setting = settings.get("idle_in_transaction_session_timeout");
    if (setting.value !== "0" || (settings.find("transaction_timeout")?.value ?? "0") !== "0") return [];
    const roles = await rolesWithout(facts);
    if (roles.length === 0) return [];
    const more = roles.length > MOST_SHOWN ? ` and ${roles.length - MOST_SHOWN} more` : "";
    const riskReason = "transactions that wait longer for their client are ended";
    const detail = `0, and no value for ${roles.slice(0, MOST_SHOWN).join(", ")}${more}`;
    return [wrong(setting, { detail, to: "1h", risk: "medium", riskReason })];
  },
});

async function rolesWithout(facts: Facts): Promise<readonly string[]> {
  return (await facts.query(WITHOUT_OWN_VALUE)).map(({ role }) => role ?? "");
}
