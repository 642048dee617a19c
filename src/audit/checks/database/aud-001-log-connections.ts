/** AUD-001: logins leave no trace. */
import { settingCheck, wrong } from "../setting-check.ts";

/** Aspects of 18 that say who came; "on" there means these and receipt. */
const WHO = ["authentication", "authorization"];

/** Values by which the setting means both; a list before 18 cannot be. */
const WHOLE = /^(on|true|yes|1|all)$/i;

function missingAspects(value: string): readonly string[] {
  if (WHOLE.test(value)) return [];
  const aspects = value.split(",").map((aspect) => aspect.trim().toLowerCase());
  return aspects.includes("all") ? [] : WHO.filter((aspect) => !aspects.includes(aspect));
}

export default settingCheck({
  id: "AUD-001",
  title: "connections are not logged",
  severity: "medium",
  why:
    "After an incident nobody can say who was connected from where, and a password being guessed shows only where the " +
    "guesses fail.",
  remedy: "Log connections: on, or from PostgreSQL 18 on receipt, authentication and authorization.",
  limits: "From 18 on a list without authentication and authorization is reported: it does not say who came.",
  references: { cis: ["3.1.20"], manual: ["Error Reporting and Logging"] },
  judge: (settings, facts) => {
    const setting = settings.get("log_connections");
    const to = facts.server().major >= 18 ? "receipt,authentication,authorization" : "on";
    const missing = missingAspects(setting.value);
    if (missing.length === 0) return [];
    const detail = missing.length === WHO.length ? undefined : `${setting.value} lacks ${missing.join(" and ")}`;
    return [wrong(setting, { to, detail })];
  },
});
