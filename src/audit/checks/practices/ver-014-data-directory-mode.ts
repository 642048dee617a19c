/** VER-014: the data directory was open to more than its owner and a reading group when the server started. */
import { settingCheck, wrong } from "../setting-check.ts";

/** Write for the group, anything for others. */
const TOO_OPEN = 0o027;

export default settingCheck({
  id: "VER-014",
  title: "data directory accessible by group write or others",
  severity: "high",
  why:
    "The data directory holds every row, every password verifier and the private key. Whoever can read it needs no login, and " +
    "whoever can write to it owns the server.",
  remedy: "Give the directory mode 0700, or 0750 when a backup account reads it through its group.",
  limits: "The server tells the mode that it found when it started; HST-003 looks at the directory as it is.",
  references: { cis: ["2.1"], manual: ["Creating a Database Cluster"] },
  judge: (settings) => {
    const setting = settings.get("data_directory_mode");
    const mode = Number.parseInt(setting.value, 8);
    if ((mode & TOO_OPEN) === 0) return [];
    const commands = ['chmod 0700 "$PGDATA"'];
    return [wrong(setting, { detail: `mode ${setting.value}`, fix: { kind: "shell", commands, risk: "low" } })];
  },
});
