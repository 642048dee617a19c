/** TLS-003: the configuration keeps TLS 1.3 from being used. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "TLS-003",
  title: "TLS 1.3 is disabled",
  severity: "low",
  why:
    "TLS 1.3 dropped every cipher and key exchange that had become weak, and it hides the certificates of both sides. An " +
    "upper bound below it keeps modern clients from what they would choose by themselves.",
  remedy: "Leave ssl_max_protocol_version empty.",
  references: { manual: ["Connections and Authentication: SSL"] },
  judge: (settings) => {
    const setting = settings.get("ssl_max_protocol_version");
    return ["TLSv1", "TLSv1.1", "TLSv1.2"].includes(setting.value) ? [wrong(setting, { to: "" })] : [];
  },
});
