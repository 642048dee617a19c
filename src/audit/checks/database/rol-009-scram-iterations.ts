/** ROL-009: new passwords would be hashed with too few rounds. */
import { settingCheck, wrong } from "../setting-check.ts";

/** RFC 7677 section 4. */
const LEAST = 4096;

export default settingCheck({
  id: "ROL-009",
  title: "new passwords are hashed with too few rounds",
  severity: "medium",
  since: 16,
  why:
    "scram_iterations decides what every guess against a stolen verifier costs. Passwords set while it is low stay cheap " +
    "to guess until they are set again.",
  remedy: "Set scram_iterations to 4096 or more, then set the passwords that ROL-007 names again.",
  references: { manual: ["Connections and Authentication"], other: ["RFC 7677"] },
  judge: (settings) => {
    const setting = settings.get("scram_iterations");
    return settings.number("scram_iterations") < LEAST ? [wrong(setting, { to: String(LEAST) })] : [];
  },
});
