/** AUD-010: errors that never reach the log. */
import { settingCheck, wrong } from "../setting-check.ts";

/** For the server's log the order of levels is ... error, log, fatal, panic. */
const TOO_HIGH = new Set(["log", "fatal", "panic"]);

const DEFAULTS = { log_min_messages: "warning", log_min_error_statement: "error" };

export default settingCheck({
  id: "AUD-010",
  title: "errors are not logged",
  severity: "medium",
  why:
    "Refused logins, denied permissions and failed injections are errors. Above their level the log has nothing of " +
    "an attack until it has worked.",
  remedy: "Set log_min_messages to warning and log_min_error_statement to error.",
  limits: "The level log is above error here and hides errors as well.",
  references: { cis: ["3.1.14", "3.1.15"], manual: ["Error Reporting and Logging"] },
  judge: (settings) =>
    Object.entries(DEFAULTS).flatMap(([name, to]) => {
      const setting = settings.get(name);
      return TOO_HIGH.has(setting.value) ? [wrong(setting, { to })] : [];
    }),
});
