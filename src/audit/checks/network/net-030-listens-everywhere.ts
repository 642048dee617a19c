/** NET-030: the server answers on every interface. */
import { Unanswered } from "../../answers.ts";
import type { Facts } from "../../facts/facts.ts";
import { isAnywhere } from "../../hba/address.ts";
import type { Severity } from "../../ratings.ts";
import { isFromOutside } from "../rule-check.ts";
import { settingCheck, wrong } from "../setting-check.ts";

const EVERYWHERE = new Set(["*", "0.0.0.0", "::"]);

export default settingCheck({
  id: "NET-030",
  title: "listening on every interface",
  severity: "medium",
  profiles: { managed: "off" },
  why:
    "The port is open on interfaces that have no clients: the public address of a cloud machine, a network for backups, " +
    "whatever is added later. Only pg_hba.conf and a firewall are left between them and the login.",
  remedy: "List the addresses that have clients in listen_addresses, and restart.",
  limits:
    "High when pg_hba.conf also admits every address or trusts other machines. In a container with a private network it " +
    "can be right, with narrow rules.",
  references: { cis: ["5.2"], manual: ["Connections and Authentication"] },
  judge: async (settings, facts) => {
    const setting = settings.get("listen_addresses");
    const open = settings.list("listen_addresses").filter((address) => EVERYWHERE.has(address));
    if (open.length === 0) return [];
    const fix = {
      kind: "words",
      text: "Set listen_addresses to the addresses that have clients, localhost among them, and restart.",
    } as const;
    return [wrong(setting, { severity: await severityHere(facts), fix })];
  },
});

async function severityHere(facts: Facts): Promise<Severity | undefined> {
  try {
    const { rules } = await facts.hba();
    const outside = rules.filter(isFromOutside);
    return outside.some((rule) => rule.method === "trust" || isAnywhere(rule)) ? "high" : undefined;
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
}
