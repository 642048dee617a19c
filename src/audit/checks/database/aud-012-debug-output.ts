/** AUD-012: plans and trees in the log. */
import { settingCheck, wrong } from "../setting-check.ts";

/** Some majors lack one of them. */
const PRINTS = ["debug_print_parse", "debug_print_raw_parse", "debug_print_rewritten", "debug_print_plan"];

export default settingCheck({
  id: "AUD-012",
  title: "parse trees or plans are written to the log",
  severity: "medium",
  why:
    "Trees carry every constant of every statement, also of those that are not logged otherwise, and fill disks. They are " +
    "meant for people who debug the planner.",
  remedy: "Turn the debug_print settings off.",
  references: { cis: ["3.1.16", "3.1.17", "3.1.18"], manual: ["Error Reporting and Logging"] },
  judge: (settings) =>
    PRINTS.flatMap((name) => {
      const setting = settings.find(name);
      return setting?.value === "on" ? [wrong(setting, { to: "off" })] : [];
    }),
});
