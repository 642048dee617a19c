/** NET-001. */
import net001 from "../../../../../src/audit/checks/network/net-001-trust-from-network.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net001,
  hba: [
    "host all all 10.0.0.0/8 trust",
    "hostnossl  app  app  192.168.1.0 255.255.255.0  trust # office",
    "host all all samenet trust",
    "host all all 127.0.0.0/7 trust",
    "host all all 0.0.0.0/0 trust",
    "hostssl all all 2001:db8::/32 trust",
  ],
  finds: [
    "host all all 10.0.0.0/8 trust",
    "hostnossl app app 192.168.1.0/24 trust",
    "host all all samenet trust",
    "host all all 127.0.0.0/7 trust",
    "host all all 0.0.0.0/0 trust",
    "hostssl all all 2001:db8::/32 trust",
  ],
  lookAlike: [
    "local all all trust",
    "host all all 127.0.0.1/32 trust",
    "host all all ::1/128 trust",
    "host all all samehost trust",
    "hostssl all all 10.1.0.0/16 trust clientcert=verify-full",
    "host db one 10.0.0.0/8 reject",
    "host db one 10.2.0.0/16 trust",
    "host trust trust 10.0.0.0/8 scram-sha-256",
  ],
});
