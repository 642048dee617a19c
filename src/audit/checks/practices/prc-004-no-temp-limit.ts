/** PRC-004: one session may fill the disk with temporary files. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "PRC-004",
  title: "no temp_file_limit",
  severity: "low",
  why:
    "A sort or join that does not fit into memory writes to disk. Without a limit one careless or hostile query fills it, and " +
    "the server stops for everybody.",
  remedy: "Set temp_file_limit to a part of the free disk that a few sessions together may use.",
  limits: "The limit is for each process; explicit temporary tables do not count.",
  references: { manual: ["Resource Consumption: Disk"] },
  profiles: { dev: "off" },
  judge: (settings) => {
    const setting = settings.get("temp_file_limit");
    if (setting.value !== "-1") return [];
    const riskReason = "queries that need more end with an error; choose the value by the size of the disk";
    return [wrong(setting, { detail: "no limit", to: "20GB", risk: "medium", riskReason })];
  },
});
