/** NET-031: every account of the machine may open the socket. */
import { Unanswered } from "../../answers.ts";
import type { Facts } from "../../facts/facts.ts";
import type { Severity } from "../../ratings.ts";
import { settingCheck, wrong } from "../setting-check.ts";

/** Methods that know who is there, whoever opens the socket. */
const SAFE = new Set(["peer", "scram-sha-256", "reject"]);
/** Opening a socket takes the right to write. */
const OTHERS_WRITE = 0o002;

export default settingCheck({
  id: "NET-031",
  title: "the Unix socket is open to every local account",
  severity: "low",
  profiles: { managed: "off" },
  why:
    "A broken service under any account of the machine can talk to the server: try passwords, use whatever the rules for " +
    "local connections give away, and take connection slots.",
  remedy: "Set unix_socket_permissions to 0770 with unix_socket_group, or to 0700, and restart.",
  limits:
    "Info when every local rule is peer or scram-sha-256, which is fine by the manual. Permissions of the directory around " +
    "the socket are not looked at.",
  references: { manual: ["Connections and Authentication"], other: ["pgdsat 2.6"] },
  judge: async (settings, facts) => {
    const setting = settings.get("unix_socket_permissions");
    if ((Number.parseInt(setting.value, 8) & OTHERS_WRITE) === 0) return [];
    const severity = await severityHere(facts);
    const riskReason = "programs under accounts outside the group can no longer connect by the socket";
    return [wrong(setting, { severity, to: "0770", risk: "medium", riskReason })];
  },
});

async function severityHere(facts: Facts): Promise<Severity | undefined> {
  try {
    const local = (await facts.hba()).rules.filter(({ type }) => type === "local");
    return local.every(({ method }) => SAFE.has(method)) ? "info" : undefined;
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
}
