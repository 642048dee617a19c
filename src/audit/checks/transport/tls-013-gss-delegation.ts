/** TLS-013: clients may hand their Kerberos credentials to the server. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "TLS-013",
  title: "Kerberos credentials are accepted from clients",
  severity: "medium",
  why:
    "A delegated credential lets the server act as the person who logged in, towards every service that the person may use. " +
    "Whoever owns the server, or runs code in it, has that power while the session lasts.",
  remedy: "Set gss_accept_delegation to off unless foreign servers need the client's own identity.",
  references: { manual: ["Connections and Authentication: Authentication"] },
  since: 16,
  judge: (settings) => {
    const setting = settings.get("gss_accept_delegation");
    return setting.value === "on" ? [wrong(setting, { to: "off" })] : [];
  },
});
