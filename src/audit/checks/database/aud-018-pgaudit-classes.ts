/** AUD-018: pgAudit leaves out what intruders do first. */
import { settingCheck, wrong } from "../setting-check.ts";
import { pgauditClasses } from "./pgaudit-classes.ts";
import { requirePgaudit } from "./preloaded.ts";

export default settingCheck({
  id: "AUD-018",
  title: "pgAudit does not record changes of roles or objects",
  severity: "medium",
  why:
    "Making a role, granting it rights and changing a function are what an intruder does first. Without the classes role " +
    "and ddl the trail begins after that.",
  remedy: "Add role and ddl to pgaudit.log.",
  references: { cis: ["3.2"], other: ["pgAudit documentation"] },
  judge: (settings) => {
    requirePgaudit(settings);
    const setting = settings.get("pgaudit.log");
    const classes = pgauditClasses(setting.value);
    const missing = ["role", "ddl"].filter((each) => !classes.has(each));
    if (classes.size === 0 || missing.length === 0) return [];
    return [
      wrong(setting, {
        detail: `${setting.value} lacks ${missing.join(" and ")}`,
        to: [setting.value, ...missing].join(", "),
        riskReason: "the log grows with these classes",
      }),
    ];
  },
});
