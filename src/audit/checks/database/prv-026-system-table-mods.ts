/** PRV-026: system catalogs may be written like tables. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "PRV-026",
  title: "system catalogs may be changed by hand",
  severity: "critical",
  why:
    "With allow_system_table_mods a superuser's statement can rewrite the catalogs: make roles superuser without a trace in " +
    "the log of role changes, or damage the database beyond repair.",
  remedy: "Switch it off and restart what is left of the session that needed it.",
  references: { manual: ["Developer Options"] },
  judge: (settings) => {
    const setting = settings.get("allow_system_table_mods");
    return settings.isOn(setting.name) ? [wrong(setting, { to: "off" })] : [];
  },
});
