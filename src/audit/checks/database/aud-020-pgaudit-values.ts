/** AUD-020: pgAudit writes values, or shows its lines to the client. */
import { settingCheck, wrong } from "../setting-check.ts";
import { requirePgaudit } from "./preloaded.ts";

export default settingCheck({
  id: "AUD-020",
  title: "pgAudit records parameters, or sends its lines to clients",
  severity: "low",
  why:
    "pgaudit.log_parameter puts every bound value into the log, secrets of set_config and logins of applications among " +
    "them. pgaudit.log_client shows the trail to those whom it watches.",
  remedy: "Turn both off; where values must be recorded, treat the log like the data itself.",
  references: { other: ["pgAudit documentation"] },
  judge: (settings) => {
    requirePgaudit(settings);
    return ["pgaudit.log_parameter", "pgaudit.log_client"].flatMap((name) => {
      const setting = settings.find(name);
      return setting?.value === "on"
        ? [wrong(setting, { to: "off", riskReason: "values are missing from the trail then" })]
        : [];
    });
  },
});
