/** NET-019. */
import net019 from "../../../../../src/audit/checks/network/net-019-host-name.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net019,
  hba: [
    "host all all app.example.com scram-sha-256",
    "host all all .example.com reject",
    "host all all 10.0.0.256 scram-sha-256",
  ],
  finds: [
    "host all all app.example.com scram-sha-256",
    "host all all .example.com reject",
    "host all all 10.0.0.256 scram-sha-256",
  ],
  cure: ["host all all 10.0.0.25/32 scram-sha-256"],
  lookAlike: [
    "host all all localhost scram-sha-256",
    "host all all 10.1 255.255.255.255 scram-sha-256",
    "host all all samehost md5",
    "host all all all md5",
    "host app.example.com .example.com 10.0.0.0/24 md5",
  ],
});
