/** AUD-016: nothing writes an audit trail. */
import { settingCheck, wrong } from "../setting-check.ts";
import { isPreloaded, preloadFix } from "./preloaded.ts";

export default settingCheck({
  id: "AUD-016",
  title: "pgAudit is not loaded",
  severity: "medium",
  why:
    "The server's own log has statements or nothing. Which objects a statement read or changed, and what happened inside " +
    "functions and DO blocks, only pgAudit records.",
  remedy: "Install pgAudit for this major version, add it to shared_preload_libraries and restart.",
  references: { cis: ["3.2"], other: ["pgAudit documentation"] },
  judge: async (settings, facts) => {
    if (isPreloaded(settings, "pgaudit")) return [];
    const setting = settings.get("shared_preload_libraries");
    const detail = `pgaudit is not among the preloaded libraries (${setting.value || "none"})`;
    return [wrong(setting, { detail, fix: await preloadFix(setting, "pgaudit", facts) })];
  },
});
