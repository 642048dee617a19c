/** SEC-013. */
import sec013 from "../../../../../src/audit/checks/practices/sec-013-credential-in-role-comment.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec013,
  defect: `
    create role "Lab r"; comment on role "Lab r" is 'pwd: canary-1'; create role lab_url;
    comment on role lab_url is 'psql postgresql://lab_url:canary@db'`,
  finds: [`"Lab r"`, "lab_url"],
  lookAlike: `
    create role lab_a; comment on role lab_a is 'password: in the vault'; create role lab_b;
    comment on role lab_b is 'owner of password resets, see RFC 1234'`,
});
