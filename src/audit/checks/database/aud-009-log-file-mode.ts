/** AUD-009: log files are everybody's to read. */
import { NotApplicable } from "../../answers.ts";
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-009",
  title: "log files can be read by every account of the machine",
  severity: "low",
  why:
    "The log names roles, databases and addresses, and quotes statements that failed. Other accounts of the machine " +
    "should not read along.",
  remedy: "Set log_file_mode to 0600, or to 0640 for a group that collects logs.",
  limits: "Only where the collector writes the files; otherwise whoever keeps the output decides.",
  references: { cis: ["3.1.6"], manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    if (!settings.isOn("logging_collector")) throw new NotApplicable("the server's log collector is off");
    const setting = settings.get("log_file_mode");
    const isOpen = (Number.parseInt(setting.value, 8) & 0o007) !== 0;
    return isOpen ? [wrong(setting, { to: "0600", riskReason: "a collector of another account needs 0640" })] : [];
  },
});
