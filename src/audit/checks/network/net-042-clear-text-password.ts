/** NET-042: the server asks for the password in clear text. */
import { defineCheck, type Found } from "../../check.ts";
import type { Severity } from "../../ratings.ts";
import { type SeenDemand, wrongDemands } from "./login-demands.ts";

export default defineCheck({
  id: "NET-042",
  title: "the server asks for a clear text password",
  severity: "critical",
  why:
    "The client sends its password as it is. On an unencrypted line whoever listens has it; inside TLS the server and " +
    "everything that logs there has it, and so has an impostor whose certificate nobody checked.",
  remedy:
    "Use scram-sha-256, whose proof cannot be used again. Where ldap, pam or radius need the password, allow hostssl alone.",
  limits:
    "ldap, pam, bsd and radius ask so by design, which inside TLS is medium. Over unencrypted loopback it is medium too. Holds for this run's address.",
  references: { manual: ["Password Authentication", "Frontend/Backend Protocol"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    const asked = await wrongDemands(facts, ({ demand }) => demand === "clear text");
    return asked.map((seen) => ({
      object: seen.object,
      detail: `asked for the password itself, ${seen.evidence}`,
      severity: severityOf(seen),
      fix: FIX,
    }));
  },
});

function severityOf({ isEncrypted, isLoopback }: SeenDemand): Severity {
  return isEncrypted || isLoopback ? "medium" : "critical";
}

const FIX: Found["fix"] = {
  kind: "file",
  file: "pg_hba.conf",
  lines: ["hostssl all all <network> scram-sha-256"],
  how: "write instead of the line with password that matches, then reload; set passwords anew that are stored as MD5",
  risk: "medium",
  riskReason: "roles without a SCRAM verifier can no longer log in",
};
