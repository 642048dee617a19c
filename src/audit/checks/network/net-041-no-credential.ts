/** NET-041: the server lets somebody in without asking for anything. */
import { defineCheck, type Found } from "../../check.ts";
import { milderOnLoopback, wrongDemands } from "./login-demands.ts";

export default defineCheck({
  id: "NET-041",
  title: "the server asks for no credential",
  severity: "critical",
  why:
    "Whoever reaches this port from this address is that role by saying its name, superusers included where the rule covers " +
    "them. No password, however good, helps.",
  remedy: "Replace trust in pg_hba.conf by scram-sha-256, or by cert on hostssl lines.",
  limits:
    "Asked for the connecting roles and a made-up one, from this run's address alone. No credential was sent. Over " +
    "loopback it is high: only who is on the machine can use it. A method that asks another machine (ident) looks the same.",
  references: { cis: ["5.4"], manual: ["Trust Authentication"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    const open = await wrongDemands(facts, ({ demand }) => demand === "nothing");
    return open.map((seen) => ({
      object: seen.object,
      detail: `let in without a credential, ${seen.evidence}`,
      severity: milderOnLoopback(seen, "high"),
      fix: FIX,
    }));
  },
});

const FIX: Found["fix"] = {
  kind: "file",
  file: "pg_hba.conf",
  lines: ["hostssl all all <network> scram-sha-256"],
  how: "write instead of the line with trust that matches, then reload",
  risk: "high",
  riskReason: "clients without a password can no longer connect",
};
