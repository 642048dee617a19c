/** NET-020. The server that can do LDAP here is 15. */
import net020 from "../../../../../src/audit/checks/network/net-020-ldap-without-tls.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default [
  defineRuleCase({
    check: net020,
    majors: [15],
    hba: [
      "hostssl all all 10.0.0.0/8 ldap ldapserver=dir.example ldapbasedn=dc=example",
      'hostssl all all 11.0.0.0/8 ldap ldapurl="ldap://dir.example/dc=example?uid?sub"',
      'host all all 12.0.0.0/8 ldap ldapserver=dir.example ldapprefix="uid=" ldaptls=0',
    ],
    finds: [
      "hostssl all all 10.0.0.0/8 ldap ldapserver=dir.example",
      "hostssl all all 11.0.0.0/8 ldap ldapserver=dir.example ldapscheme=ldap",
      "host all all 12.0.0.0/8 ldap ldapserver=dir.example",
    ],
    lookAlike: [
      "hostssl all all 10.0.0.0/8 ldap ldapserver=dir.example ldapbasedn=dc=example ldaptls=1",
      "hostssl all all 11.0.0.0/8 ldap ldapserver=dir.example ldapscheme=ldaps ldapbasedn=dc=example",
      'hostssl all all 12.0.0.0/8 ldap ldapurl="ldaps://dir.example/dc=example?uid?sub"',
    ],
  }),
  defineRuleCase({
    check: net020,
    title: "a line whose password was not kept is not written again",
    majors: [15],
    hba: ["host all all all ldap ldapserver=d ldapbasedn=x ldapbindpasswd=c4n4ry"],
    finds: ["host all all all ldap ldapserver=d"],
    cure: ["host all all all ldap ldapserver=d ldapbasedn=x ldapbindpasswd=c4n4ry ldaptls=1"],
    lookAlike: ["host ldap ldap all scram-sha-256"],
  }),
];
