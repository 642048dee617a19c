/** AUD-024: event triggers that do not fire. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "AUD-024",
  title: "event triggers are off for the whole server",
  severity: "medium",
  why:
    "Triggers that record or refuse changes of objects do not run, and pgAudit loses the names of objects. It is meant " +
    "for repairing a trigger that locks everybody out.",
  remedy: "Set event_triggers to on.",
  references: { manual: ["Client Connection Defaults", "Event Triggers"] },
  since: 17,
  judge: (settings) => {
    const setting = settings.get("event_triggers");
    return setting.value === "on"
      ? []
      : [wrong(setting, { to: "on", riskReason: "event triggers run again for everybody" })];
  },
});
