/** NET-040: the server begins sessions that are not encrypted. */
import { defineCheck, type Found } from "../../check.ts";
import { milderOnLoopback, wrongDemands } from "./login-demands.ts";

export default defineCheck({
  id: "NET-040",
  title: "the server begins sessions over unencrypted TCP",
  severity: "high",
  why:
    "From this address a client gets as far as the password without TLS, so a client that forgets sslmode talks in plain " +
    "text. Whoever is on the way reads the session and can take it over.",
  remedy: "Turn host lines of pg_hba.conf into hostssl, or put hostnossl all all all reject before them.",
  limits:
    "Holds for the address that the run comes from; other addresses may have other rules. Over loopback it is info.",
  references: { manual: ["The pg_hba.conf File"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    const begun = await wrongDemands(
      facts,
      ({ isEncrypted, demand }) => !isEncrypted && demand !== "refused" && demand !== "no answer",
    );
    return begun.map((seen) => ({
      object: seen.object,
      detail: `asked for ${WORDS[seen.demand] ?? seen.demand} instead of refusing, ${seen.evidence}`,
      severity: milderOnLoopback(seen, "info"),
      fix: FIX,
    }));
  },
});

const WORDS: Readonly<Record<string, string>> = {
  scram: "a SCRAM proof",
  md5: "an MD5 proof",
  "clear text": "the password",
  other: "another proof",
};

const FIX: Found["fix"] = {
  kind: "file",
  file: "pg_hba.conf",
  lines: ["hostnossl all all all reject"],
  how: "put before every other host line, then reload",
  risk: "high",
  riskReason: "clients that do not ask for TLS can no longer connect",
};
