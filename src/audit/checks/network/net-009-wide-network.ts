/** NET-009: rules for networks of very many machines. */
import { comparedBits, isLoopback } from "../../hba/address.ts";
import { ruleCheck, wrongRule } from "../rule-check.ts";

/** /16 is 65,536 machines, and /48 what one site is given; anything wider is more than one network of servers. */
const NARROWEST = { 4: 16, 6: 48 } as const;

export default ruleCheck({
  id: "NET-009",
  title: "rules for very wide networks",
  severity: "medium",
  why:
    "Every machine in the range may try to log in: printers, laptops, other teams' containers. A break-in at any of them " +
    "is a break-in next to the database.",
  remedy: "Name the networks, or the machines, that have clients.",
  limits:
    "Networks shorter than /16 (IPv4) or /48 (IPv6); audit.wideNetworks changes that. Every address at all is NET-008.",
  references: { manual: ["The pg_hba.conf File"], other: ["pgdsat 5.9"] },
  judge: ({ hba, facts }) => {
    const { ipv4 = NARROWEST[4], ipv6 = NARROWEST[6] } = facts.declared.wideNetworks ?? {};
    return hba.rules.flatMap((rule) => {
      const { address } = rule;
      if (address?.kind !== "network" || address.mask === 0n || rule.method === "reject" || isLoopback(rule)) return [];
      const bits = comparedBits(address.mask);
      if (bits >= (address.network.family === 4 ? ipv4 : ipv6)) return [];
      const fix = { kind: "words", text: `Replace ${address.text} by the networks that have clients.` } as const;
      return [wrongRule(rule, `a network of /${bits}`, { fix })];
    });
  },
});
