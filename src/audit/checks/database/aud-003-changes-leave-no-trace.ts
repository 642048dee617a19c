/** AUD-003: nobody records who changed what the server is. */
import { settingCheck, wrong } from "../setting-check.ts";
import { isPreloaded } from "./preloaded.ts";

export default settingCheck({
  id: "AUD-003",
  title: "changes of objects and roles leave no trace",
  severity: "medium",
  why:
    "Neither log_statement nor pgAudit records CREATE, ALTER, DROP, GRANT and REVOKE. Whoever makes himself a role or " +
    "opens a table is found by comparing with a backup, if at all.",
  remedy: "Load pgAudit with the classes ddl and role. Where that is not possible, set log_statement to ddl.",
  limits:
    "log_statement = none is right where pgAudit is loaded: deployments with secrets ask for it. What pgAudit then " +
    "records is for AUD-017 and AUD-018.",
  references: { cis: ["3.1.25", "3.2"], manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    const setting = settings.get("log_statement");
    if (setting.value !== "none" || isPreloaded(settings, "pgaudit")) return [];
    return [
      wrong(setting, {
        detail: "none, and pgaudit is not loaded",
        to: "ddl",
        risk: "medium",
        riskReason: "statements that set a password in clear text land in the log: send SCRAM verifiers",
      }),
    ];
  },
});
