/** AUD-013: replication leaves no trace. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-013",
  title: "replication commands are not logged",
  severity: "low",
  why: "Whoever may replicate copies every database in one stream. With this off, a base backup by a stranger leaves no line.",
  remedy: "Set log_replication_commands to on.",
  references: { cis: ["7.2"], manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    const setting = settings.get("log_replication_commands");
    return setting.value === "on" ? [] : [wrong(setting, { to: "on" })];
  },
});
