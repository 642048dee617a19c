/** NET-044: whether the host's own firewall stands before the server. */
import { Unanswered } from "../../answers.ts";
import type { Check } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { type Firewall, readFirewall } from "../../facts/firewall.ts";

/** The check with another reader of rules, for tests. */
export function firewallCheck(read: (port: number) => Promise<Firewall | undefined>): Check {
  return {
    id: "NET-044",
    title: "no firewall on the server's host",
    severity: "info",
    profiles: { managed: "off" },
    why:
      "pg_hba.conf decides after a connection was accepted. Without a filter before it everybody who reaches the machine can " +
      "take connections, and every hole in the code before the login is open to them.",
    remedy: "Let only the hosts of applications reach the port, on the machine or in the network before it.",
    limits:
      "Only the rules of this machine are read (nftables, iptables), and only by root. A firewall of the network or the cloud " +
      "is not seen; without a right to look the answer is unknown, never pass.",
    references: { manual: ["Connections and Authentication"] },
    scope: "cluster",
    needs: ["host"],
    examine: async (facts) => {
      const port = await portOf(facts);
      if (!(await facts.host()).isRoot) throw new Unanswered("only root may read the rules of the firewall", "host");
      const firewall = await read(port);
      if (firewall === undefined) throw new Unanswered("the system does not tell the rules of its firewall");
      if (firewall.filters) return [];
      const text = "Let only the hosts of applications reach the port.";
      const detail = `no rule of ${firewall.program} keeps anybody from port ${port}`;
      return [{ object: `port ${port}`, detail, fix: { kind: "words", text } }];
    },
  };
}

async function portOf(facts: Facts): Promise<number> {
  return (await facts.settings()).number("port");
}

const check: Check = firewallCheck(readFirewall);

export default check;
