/** TLS-035: our own connection would go to an impostor as well. */
import { NotApplicable } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";

export default defineCheck({
  id: "TLS-035",
  title: "the connection string does not verify the server",
  severity: "medium",
  why:
    "With any sslmode below verify-full the connection goes to whoever answers, with its queries and, where the server asks for " +
    "it, the password. The same string is usually what applications and deploys use.",
  remedy: "Use sslmode=verify-full with sslrootcert, in the connection string, the service file or PGSSLMODE.",
  limits:
    "verify-ca is reported as low: the server is one of that authority's, though perhaps not this one. Over a loopback address it " +
    "is info, and over a Unix socket there is nobody in between. channel_binding=require is not counted.",
  references: { manual: ["SSL Support"] },
  scope: "cluster",
  needs: [],
  examine: async (facts): Promise<Found[]> => {
    const { transport, sslMode, isLoopback, tls } = facts.line();
    if (transport === undefined) throw new NotApplicable("this run has no connection");
    if (transport === "socket") throw new NotApplicable("over a Unix socket nobody is in between");
    if (sslMode === "verify-full") return [];
    const mode = sslMode ?? "prefer";
    const isOneOfThem = mode === "verify-ca" || (mode === "require" && tls?.isVerified === true);
    const severity = isLoopback ? "info" : isOneOfThem ? "low" : undefined;
    const detail = isOneOfThem ? DETAILS["verify-ca"] : DETAILS[mode];
    return [{ object: `sslmode=${mode}`, detail, severity, fix: FIX }];
  },
});

const DETAILS = {
  disable: "everything goes in plain text",
  allow: "plain text unless the server insists on TLS, and any certificate will do",
  prefer: "any certificate will do, and plain text when the server offers no TLS",
  require: "any certificate will do",
  "verify-ca": "the certificate's name is not compared with the host",
} as const;

const FIX: Found["fix"] = {
  kind: "words",
  text: "Add sslmode=verify-full&sslrootcert=/path/to/root.crt to the connection string, or sslrootcert=system for a public authority.",
};
