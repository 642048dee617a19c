/** AUD-022: messages that syslog cuts or merges. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-022",
  title: "syslog may cut or merge messages",
  severity: "low",
  why:
    "Long messages are cut by many syslog daemons unless the server splits them, and equal ones are merged unless they " +
    "are numbered. What is lost is the end of a long statement, or the count of attempts.",
  remedy: "Turn syslog_split_messages and syslog_sequence_numbers on.",
  limits: "Only where log_destination names syslog.",
  references: { cis: ["3.1.11", "3.1.12"], manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    if (!settings.list("log_destination").includes("syslog")) return [];
    return ["syslog_split_messages", "syslog_sequence_numbers"].flatMap((name) => {
      const setting = settings.get(name);
      return setting.value === "on" ? [] : [wrong(setting, { to: "on" })];
    });
  },
});
