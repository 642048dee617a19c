/** NET-033: strangers may hold a connection for long. */
import { settingCheck, wrong } from "../setting-check.ts";

/** 60 s: the built-in default. */
const LONGEST_SECONDS = 60;

export default settingCheck({
  id: "NET-033",
  title: "authentication may take longer than a minute",
  severity: "low",
  why:
    "A connection that never proves who it is holds a slot for all that time. A few hundred of them, which cost an attacker " +
    "nothing, keep everybody else out.",
  remedy: "Set authentication_timeout to one minute or less, and reload.",
  references: { manual: ["Connections and Authentication"], other: ["pgdsat 5.7"] },
  judge: (settings) => {
    const setting = settings.get("authentication_timeout");
    const seconds = settings.number("authentication_timeout");
    return seconds > LONGEST_SECONDS ? [wrong(setting, { detail: `${seconds} s`, to: "1min" })] : [];
  },
});
