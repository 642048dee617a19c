/** NET-034: passwords can be tried as fast as the server answers. */
import { RuleOrder } from "../../hba/rule-order.ts";
import { isFromOutside, knownRoles } from "../rule-check.ts";
import { settingCheck, wrong } from "../setting-check.ts";

const SLOWING = new Set(["auth_delay", "credcheck"]);
/** Methods by which the server can be asked whether a password is right. */
const PASSWORDS = new Set(["password", "md5", "scram-sha-256", "ldap", "pam", "radius", "bsd"]);

export default settingCheck({
  id: "NET-034",
  title: "no delay after failed logins from other machines",
  severity: "low",
  profiles: { managed: "off" },
  needs: ["pg_read_all_settings"],
  why:
    "Each wrong password is answered at once, so a weak one is found by trying. Nothing in the server slows down, or stops, " +
    "whoever tries from a network that may log in.",
  remedy: "Load auth_delay or credcheck, or limit the rate of new connections in front of the server.",
  limits:
    "Only where other machines may log in with a password. auth_delay holds a connection slot for each failed attempt, so it " +
    "needs a limit of connections in front.",
  references: { manual: ["auth_delay"], other: ["pgdsat 5.7"] },
  judge: async (settings, facts) => {
    const setting = settings.get("shared_preload_libraries");
    const libraries = settings.list("shared_preload_libraries").map((path) => path.replace(/^.*\/|\.so$/g, ""));
    if (libraries.some((library) => SLOWING.has(library))) return [];
    const hba = await facts.hba();
    const order = new RuleOrder(hba, await knownRoles(facts));
    const isOpen = hba.rules.some((rule) => PASSWORDS.has(rule.method) && isFromOutside(rule) && order.isReached(rule));
    const text = "Install auth_delay or credcheck, add it to shared_preload_libraries, and restart.";
    return isOpen ? [wrong(setting, { detail: "neither auth_delay nor credcheck", fix: { kind: "words", text } })] : [];
  },
});
