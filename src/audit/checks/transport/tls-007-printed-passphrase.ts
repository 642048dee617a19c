/** TLS-007: the passphrase of the server's key stands in the configuration. */
import { settingCheck, wrong } from "../setting-check.ts";

const PRINTS = /(^|[\s/;|&(])(echo|printf)\s/;

export default settingCheck({
  id: "TLS-007",
  title: "the key's passphrase stands in the configuration",
  severity: "high",
  why:
    "A command that only prints the passphrase keeps it beside the key that it should protect. Whoever may read the " +
    "configuration, a backup of it or the server's settings has the private key of the server.",
  remedy: "Let ssl_passphrase_command fetch it from a secret store, or use a key without passphrase with mode 0600.",
  limits: "A script of its own that holds the passphrase is not recognised.",
  references: { manual: ["Connections and Authentication: SSL"] },
  judge: (settings) => {
    const setting = settings.get("ssl_passphrase_command");
    if (!PRINTS.test(setting.value)) return [];
    const text =
      "Replace the command by one that asks a secret store, make a new passphrase for the key (openssl pkey -aes256), then reload.";
    return [wrong(setting, { detail: "the command prints a fixed text", fix: { kind: "words", text } })];
  },
});
