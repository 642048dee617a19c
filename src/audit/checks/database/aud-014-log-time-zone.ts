/** AUD-014: times in the log that depend on a place. */
import { settingCheck, wrong } from "../setting-check.ts";

/** Names of the time zone database for UTC. */
const UTC = /^(etc\/)?(utc|gmt|uct|zulu|universal|greenwich|gmt[+-]?0)$/i;

export default settingCheck({
  id: "AUD-014",
  title: "times in the log are not UTC",
  severity: "low",
  why: "Logs of several machines can be put in order only when all tell the same time; in local time one hour a year comes twice.",
  remedy: "Set log_timezone to UTC.",
  references: { cis: ["3.1.26"], manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    const setting = settings.get("log_timezone");
    return UTC.test(setting.value)
      ? []
      : [wrong(setting, { to: "UTC", riskReason: "programs that parse times need to know" })];
  },
});
