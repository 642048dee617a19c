/** VER-011: damaged pages are not noticed. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "VER-011",
  title: "data checksums off",
  severity: "medium",
  why:
    "Without checksums the server reads a page that storage damaged as if it were data, hands out wrong rows and copies them " +
    "into backups. With them it says so at the first read.",
  remedy: "Stop the server cleanly, run pg_checksums --enable on its data directory, and start it again.",
  limits: "New clusters of PostgreSQL 18 have them unless initdb was told otherwise.",
  references: { manual: ["Data Checksums", "pg_checksums"] },
  judge: (settings) => {
    if (settings.isOn("data_checksums")) return [];
    return [
      wrong(settings.get("data_checksums"), {
        fix: {
          kind: "shell",
          commands: ["pg_ctl stop -m fast", "pg_checksums --enable", "pg_ctl start"],
          risk: "medium",
          riskReason: "the server is down while every page is written once; standbys have to be done together with it",
        },
      }),
    ];
  },
});
