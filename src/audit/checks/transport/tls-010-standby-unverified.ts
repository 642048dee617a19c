/** TLS-010: this server follows another one without verifying it. */
import { PgkeepError } from "../../../base/errors.ts";
import { parseConnectionString } from "../../../pg/connect/connection-string.ts";
import { Unanswered } from "../../answers.ts";
import { settingCheck, wrong } from "../setting-check.ts";
import { isLocalHost, verifies } from "./peers.ts";

export default settingCheck({
  id: "TLS-010",
  title: "the standby does not verify the server that it follows",
  severity: "high",
  why:
    "A standby hands its replication password to whoever answers, and takes whatever that one sends for its own data. " +
    "Without a verified certificate that can be anybody on the way.",
  remedy: "Add sslmode=verify-full and sslrootcert to primary_conninfo.",
  limits:
    "verify-ca is accepted: replication often goes to an address that no certificate names. Connections to the same host are skipped.",
  references: { cis: ["7.5"], manual: ["Log-Shipping Standby Servers"] },
  judge: (settings) => {
    const setting = settings.get("primary_conninfo");
    const parameters = parametersOf(setting.value);
    const hosts = `${parameters.get("host") ?? ""},${parameters.get("hostaddr") ?? ""}`
      .split(",")
      .filter((host) => host !== "");
    const sslmode = parameters.get("sslmode");
    if (verifies(sslmode) || hosts.every(isLocalHost)) return [];
    const text =
      "Add sslmode=verify-full sslrootcert=/path/to/root.crt to primary_conninfo of the standby and reload it.";
    const detail = sslmode === undefined ? "no sslmode, which means prefer" : `sslmode=${sslmode}`;
    return [wrong(setting, { detail, fix: { kind: "words", text } })];
  },
});

/** The value is never repeated: it may hold a password. */
function parametersOf(value: string): ReadonlyMap<string, string> {
  if (value.trim() === "") return new Map();
  try {
    return parseConnectionString(value, "primary_conninfo").parameters;
  } catch (error) {
    if (error instanceof PgkeepError) throw new Unanswered("primary_conninfo is no connection string");
    throw error;
  }
}
