/** AUD-015: the log depends on a name server. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-015",
  title: "addresses are looked up for the log",
  severity: "info",
  why: "Each connection waits for a name server, and the name in the log is what the owner of the address says it is.",
  remedy: "Set log_hostname to off; addresses are logged as they are.",
  references: { cis: ["3.1.23"], manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    const setting = settings.get("log_hostname");
    return setting.value === "off" ? [] : [wrong(setting, { to: "off" })];
  },
});
