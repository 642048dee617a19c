/** TLS-005: the client's order of ciphers wins over the server's. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "TLS-005",
  title: "the client's order of ciphers wins",
  severity: "low",
  why:
    "Of the ciphers that both sides know, the one that the client names first is taken. A badly configured client so gets its " +
    "worst acceptable cipher although the server knows a better one.",
  remedy: "Set ssl_prefer_server_ciphers to on.",
  references: { manual: ["Connections and Authentication: SSL"] },
  judge: (settings) => {
    const setting = settings.get("ssl_prefer_server_ciphers");
    return setting.value === "on" ? [] : [wrong(setting, { to: "on" })];
  },
});
