/** AUD-005: slow statements are logged with the values bound to them. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-005",
  title: "logged statements carry their bind values",
  severity: "low",
  why:
    "Applications bind personal data and secrets as parameters so that they are no part of the statement. The log of slow " +
    "statements writes them next to it, in full length.",
  remedy: "Set log_parameter_max_length to 0: the statement is logged, its values are not.",
  limits: "Values that are part of a statement's own text are logged in any case.",
  references: { manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    const length = settings.get("log_parameter_max_length");
    if (length.value === "0") return [];
    const isSampled = settings.number("log_statement_sample_rate") > 0;
    const thresholds = ["log_min_duration_statement", ...(isSampled ? ["log_min_duration_sample"] : [])];
    return thresholds.flatMap((name) => {
      const setting = settings.get(name);
      if (Number(setting.value) < 0) return [];
      const { fix } = wrong(length, { to: "0", riskReason: "values are missing when a slow statement is looked into" });
      return [
        wrong(setting, {
          detail: `${setting.value} ms, with values (log_parameter_max_length = ${length.value})`,
          fix,
        }),
      ];
    });
  },
});
