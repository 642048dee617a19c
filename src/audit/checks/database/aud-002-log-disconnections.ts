/** AUD-002: ends of sessions leave no trace. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-002",
  title: "disconnections are not logged",
  severity: "low",
  why: "Without the end of a session and its duration nobody can say how long an intruder had, or tell a leak of sessions.",
  remedy: "Set log_disconnections to on.",
  references: { cis: ["3.1.21"], manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    const setting = settings.get("log_disconnections");
    return setting.value === "on" ? [] : [wrong(setting, { to: "on" })];
  },
});
