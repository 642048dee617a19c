/** NET-043: the server asks for an MD5 proof. */
import { defineCheck, type Found } from "../../check.ts";
import { wrongDemands } from "./login-demands.ts";

export default defineCheck({
  id: "NET-043",
  title: "the server asks for an MD5 proof",
  severity: "low",
  why:
    "The proof is made with a hash that works as the password itself, and somebody who listens can try passwords on it at the " +
    "speed of MD5. PostgreSQL 18 warns of it and a later version will drop it.",
  remedy: "Set the passwords again under password_encryption = scram-sha-256, then use the method scram-sha-256.",
  limits: "Holds for this run's address. The method md5 asks for SCRAM where the role has a SCRAM verifier.",
  references: { manual: ["Password Authentication"], other: ["PostgreSQL 18 release notes"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    const asked = await wrongDemands(facts, ({ demand }) => demand === "md5");
    return asked.map((seen) => ({ object: seen.object, detail: `asked for an MD5 proof, ${seen.evidence}`, fix: FIX }));
  },
});

const FIX: Found["fix"] = {
  kind: "words",
  text: "Set password_encryption to scram-sha-256, set the passwords of the roles that ROL-006 names again, then write scram-sha-256 for md5 in pg_hba.conf.",
};
