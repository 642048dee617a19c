/** AUD-011: errors without what one would need to understand them. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-011",
  title: "errors are logged without detail",
  severity: "low",
  why: "Terse messages leave out detail, hint, context and the statement, which is what tells an attack from a mistake.",
  remedy: "Set log_error_verbosity to default.",
  limits:
    "The CIS benchmark asks for verbose; default is accepted here, because it loses only places in the server's source.",
  references: { cis: ["3.1.22"], manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    const setting = settings.get("log_error_verbosity");
    return setting.value === "terse" ? [wrong(setting, { to: "default" })] : [];
  },
});
