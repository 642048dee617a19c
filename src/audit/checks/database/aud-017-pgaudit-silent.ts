/** AUD-017: pgAudit is loaded and records nothing. */
import { settingCheck, wrong } from "../setting-check.ts";
import { pgauditClasses } from "./pgaudit-classes.ts";
import { requirePgaudit } from "./preloaded.ts";

export default settingCheck({
  id: "AUD-017",
  title: "pgAudit is loaded and records nothing",
  severity: "medium",
  why:
    "With pgaudit.log at none and no audit role the library does nothing, while inventories and scanners see it " +
    "installed. It is the state right after the installation.",
  remedy: "Set pgaudit.log to the classes that are wanted: ddl, role and write are a start.",
  limits: "The server's own value is judged; classes that ALTER ROLE or ALTER DATABASE set for some are not counted.",
  references: { cis: ["3.2"], other: ["pgAudit documentation"] },
  judge: (settings) => {
    requirePgaudit(settings);
    const setting = settings.get("pgaudit.log");
    if (pgauditClasses(setting.value).size > 0 || settings.find("pgaudit.role")?.value) return [];
    return [
      wrong(setting, {
        detail: `${setting.value || "empty"}, and pgaudit.role is empty`,
        to: "ddl, role, write",
        risk: "medium",
        riskReason: "the log grows with every change, and holds statements with their literal values",
      }),
    ];
  },
});
