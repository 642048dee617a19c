/** AUD-004: the log repeats what clients send. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-004",
  title: "log_statement records every change of data",
  severity: "medium",
  why:
    "The log then holds what clients send: values of personal data, and passwords in ALTER ROLE. Whoever reads log files " +
    "or backups of them reads the data without any right in the database.",
  remedy: "Set log_statement to ddl, or to none where pgAudit records changes.",
  references: { manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    const setting = settings.get("log_statement");
    if (setting.value !== "all" && setting.value !== "mod") return [];
    return [wrong(setting, { to: "ddl", riskReason: "tools that read statements from the log get fewer of them" })];
  },
});
