/** AUD-023: nobody sees what sessions do. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-023",
  title: "activity of sessions is not tracked",
  severity: "low",
  why: "pg_stat_activity then shows sessions without what they run: nobody sees an attack while it happens.",
  remedy: "Set track_activities to on.",
  references: { manual: ["The Cumulative Statistics System"] },
  judge: (settings) => {
    const setting = settings.get("track_activities");
    return setting.value === "on" ? [] : [wrong(setting, { to: "on" })];
  },
});
