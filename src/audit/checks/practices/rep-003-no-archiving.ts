/** REP-003: WAL is not archived, so nothing can be restored to a moment. */
import { NotApplicable } from "../../answers.ts";
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "REP-003",
  title: "WAL archiving off",
  severity: "info",
  why:
    "Without archived WAL a restore goes back to the last base backup or dump. What was written since is lost, and a table that " +
    "was dropped at noon cannot be had as it was a minute before.",
  remedy: "Archive with a tool that checks what it wrote (pgBackRest, Barman, WAL-G), and try a restore.",
  limits:
    "Snapshots and backups of a provider need no archiving: say so under audit.backup in pgkeep.yaml. A tool that streams WAL is " +
    "not recognized.",
  references: { cis: ["7.4"], manual: ["Continuous Archiving and Point-in-Time Recovery"] },
  profiles: { managed: "off", dev: "off" },
  judge: (settings, { declared }) => {
    const setting = settings.get("archive_mode");
    if (setting.value !== "off") return [];
    if (declared.backup !== undefined) throw new NotApplicable(`backups are declared: ${declared.backup}`);
    const text = "Set archive_mode and archive_command as your backup tool says, then restart and make a base backup.";
    return [wrong(setting, { fix: { kind: "words", text } })];
  },
});
