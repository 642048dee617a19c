/** NET-037: switches of other times. */
import { settingCheck, wrong } from "../setting-check.ts";

const WHY: Readonly<Record<string, string>> = {
  bonjour: "the server announces itself in the local network",
  db_user_namespace: "names of roles mean other roles in each database, and only md5 passwords work",
};

export default settingCheck({
  id: "NET-037",
  title: "a legacy or discovery switch is on",
  severity: "medium",
  why:
    "bonjour tells everybody in the local network that there is a database. db_user_namespace was meant for a short while, " +
    "works with MD5 passwords only, and makes rules for roles mean something else than they say.",
  remedy: "Turn it off.",
  limits: "db_user_namespace is gone from PostgreSQL 17 on.",
  references: { manual: ["Connections and Authentication"] },
  judge: (settings) =>
    Object.entries(WHY).flatMap(([name, detail]) => {
      const setting = settings.find(name);
      return setting?.value === "on" ? [wrong(setting, { detail, to: "off", risk: "medium" })] : [];
    }),
});
