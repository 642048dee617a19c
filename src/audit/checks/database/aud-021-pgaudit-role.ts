/** AUD-021: the role whose grants steer pgAudit is missing or is somebody's login. */
import { ident } from "../../../pg/identifiers.ts";
import { settingCheck, wrong } from "../setting-check.ts";
import { requirePgaudit } from "./preloaded.ts";

export default settingCheck({
  id: "AUD-021",
  title: "pgaudit.role names a role that cannot do its work",
  severity: "low",
  why:
    "What is granted to this role is what gets recorded. A role that does not exist records nothing; a login has rights " +
    "of its own, so the trail holds what nobody chose, and whoever logs in as it has them all.",
  remedy: "Name a role that exists, cannot log in and is nobody's member.",
  references: { other: ["pgAudit documentation"] },
  judge: async (settings, facts) => {
    requirePgaudit(settings);
    const setting = settings.get("pgaudit.role");
    if (setting.value === "") return [];
    const role = (await facts.roles()).roles.get(setting.value);
    if (role !== undefined && !role.canLogin) return [];
    const detail = role === undefined ? "names a role that does not exist" : "names a role that can log in";
    const verb = role === undefined ? "create" : "alter";
    return [
      wrong(setting, {
        detail,
        fix: {
          kind: "sql",
          sql: [`${verb} role ${ident(setting.value)} nologin`],
          risk: role === undefined ? "low" : "high",
          riskReason: role === undefined ? undefined : "whoever uses the role as a login is locked out",
        },
      }),
    ];
  },
});
