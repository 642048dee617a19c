/** AUD-026: becoming superuser is not controlled. */
import { settingCheck, wrong } from "../setting-check.ts";
import { isPreloaded, preloadFix } from "./preloaded.ts";

export default settingCheck({
  id: "AUD-026",
  title: "escalation to superuser is not controlled by set_user",
  severity: "info",
  profiles: { default: "off", dev: "off", managed: "off" },
  why:
    "People who need a superuser now and then log in as one, and what they do is nobody's in particular. set_user makes " +
    "them log in as themselves and records when and why they became superuser.",
  remedy: "Install set_user, add it to shared_preload_libraries, and take LOGIN from superusers.",
  limits: "A policy: asked for by the profiles strict and cis only.",
  references: { cis: ["4.8"], other: ["set_user documentation"] },
  judge: async (settings, facts) => {
    if (isPreloaded(settings, "set_user")) return [];
    const setting = settings.get("shared_preload_libraries");
    const detail = "set_user is not among the preloaded libraries";
    return [wrong(setting, { detail, fix: await preloadFix(setting, "set_user", facts) })];
  },
});
