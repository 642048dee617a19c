/** NET-016: pg_hba.conf is not what the server has loaded. */
import { Unanswered } from "../../answers.ts";
import { ruleCheck } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-016",
  title: "pg_hba.conf changed after the last load",
  severity: "medium",
  why:
    "The server still works by the old rules. Whoever closed a hole in the file believes it closed, and the next reload, " +
    "for whatever reason, makes changes active that nobody expects then.",
  remedy: "Read what changed, then reload: select pg_reload_conf().",
  limits:
    "All findings about rules are about the file, not about what is in force. The view alone does not tell when a file " +
    "changed.",
  references: { manual: ["Setting Parameters", "The pg_hba.conf File"] },
  judge: ({ hba: { changedAt, loadedAt } }) => {
    if (changedAt === undefined || loadedAt === undefined) {
      throw new Unanswered("when pg_hba.conf changed cannot be seen", "superuser");
    }
    if (changedAt <= loadedAt) return [];
    const detail = `changed ${changedAt.toISOString()}, loaded ${loadedAt.toISOString()}`;
    return [
      {
        object: "pg_hba.conf",
        detail,
        fix: {
          kind: "sql",
          sql: ["select pg_catalog.pg_reload_conf()"],
          risk: "medium",
          riskReason: "all changes of the configuration files take effect; read them first",
        },
      },
    ];
  },
});
