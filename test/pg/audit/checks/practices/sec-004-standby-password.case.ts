/** SEC-004. */
import sec004 from "../../../../../src/audit/checks/practices/sec-004-standby-password.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec004,
  wrong: { primary_conninfo: "host=203.0.113.1 user=copy password='canary word'" },
  finds: ["primary_conninfo"],
  cure: { primary_conninfo: "host=203.0.113.1 user=copy passfile=/x" },
  right: { primary_conninfo: "host=203.0.113.1 user=password passfile=/x" },
  blind: ["plain"],
});
