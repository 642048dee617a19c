/** AUD-006: failing statements are logged with the values bound to them. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-006",
  title: "bind values are logged with errors",
  severity: "low",
  why:
    "Every statement that fails then puts its parameters into the log. Making one fail is easy, so this is a way to move " +
    "data from tables into files.",
  remedy: "Set log_parameter_max_length_on_error to 0, its default.",
  references: { manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    const setting = settings.get("log_parameter_max_length_on_error");
    return setting.value === "0" ? [] : [wrong(setting, { to: "0" })];
  },
});
