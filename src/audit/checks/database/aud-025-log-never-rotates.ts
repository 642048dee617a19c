/** AUD-025: one log file for ever. */
import { NotApplicable } from "../../answers.ts";
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-025",
  title: "log never rotates",
  severity: "low",
  why: "One file grows until the disk is full, and old lines cannot be put away without stopping the server's writing.",
  remedy: "Rotate by age or size: log_rotation_age = 1d is the default.",
  limits: "Only where the collector writes the files.",
  references: { cis: ["3.1.8", "3.1.9"], manual: ["Error Reporting and Logging", "Log File Maintenance"] },
  judge: (settings) => {
    if (!settings.isOn("logging_collector")) throw new NotApplicable("the server's log collector is off");
    const age = settings.get("log_rotation_age");
    if (age.value !== "0" || settings.value("log_rotation_size") !== "0") return [];
    return [wrong(age, { detail: "0, and log_rotation_size is 0 too", to: "1d" })];
  },
});
