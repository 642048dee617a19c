/** NET-021. */
import net021 from "../../../../../src/audit/checks/network/net-021-secret-in-hba.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default [
  defineRuleCase({
    check: net021,
    hba: ['host all all 10.0.0.0/8 radius radiusservers=127.0.0.1 radiussecrets="c4n4ry"'],
    finds: ["host all all 10.0.0.0/8 radius radiusservers=127.0.0.1"],
    cure: ["host all all 10.0.0.0/8 scram-sha-256"],
    lookAlike: ["host radiussecrets ldapbindpasswd 10.0.0.0/8 scram-sha-256"],
  }),
  defineRuleCase({
    check: net021,
    title: "the password of the directory",
    majors: [15],
    hba: ["host all all 10.0.0.0/8 ldap ldapserver=d ldapbasedn=x ldapbinddn=cn=a ldapbindpasswd=c4n4ry ldaptls=1"],
    finds: ["host all all 10.0.0.0/8 ldap ldapserver=d ldaptls=1"],
    cure: ["host all all 10.0.0.0/8 ldap ldapserver=d ldapprefix=uid= ldaptls=1"],
    lookAlike: ["host all all 10.0.0.0/8 ldap ldapserver=d ldapbasedn=x ldaptls=1"],
  }),
];
