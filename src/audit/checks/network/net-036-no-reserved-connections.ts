/** NET-036: nobody gets in when all connections are taken. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "NET-036",
  title: "no connections are reserved for administrators",
  severity: "medium",
  why:
    "When clients hold every slot, by mistake or on purpose, no administrator can log in to end them. What is left is to " +
    "stop the server from the outside.",
  remedy: "Set superuser_reserved_connections to 3 or more, and restart.",
  limits: "From PostgreSQL 16 on reserved_connections keeps further slots for members of pg_use_reserved_connections.",
  references: { manual: ["Connections and Authentication"] },
  judge: (settings) => {
    const setting = settings.get("superuser_reserved_connections");
    if (settings.number("superuser_reserved_connections") >= 1) return [];
    return [wrong(setting, { detail: "none", to: "3" })];
  },
});
