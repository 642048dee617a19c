/** TLS-035: what our own connection string is worth. */
import { describe, expect, it } from "vitest";
import tls035 from "../../../../../src/audit/checks/transport/tls-035-own-connection.ts";
import { type LineFacts, NO_LINE } from "../../../../../src/audit/facts/line.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { told } from "../../../../support/audit/live.ts";
import { LOCAL_LINE, madeUpFacts } from "../../../../support/audited.ts";

const REMOTE: LineFacts = { ...LOCAL_LINE, host: "db.example.org", address: "203.0.113.5", isLoopback: false };
const outcome = (line: LineFacts) => runCheck(tls035, { ...madeUpFacts({}), line: () => line });

describe("TLS-035", () => {
  it.each([
    ["disable", "medium", "everything goes in plain text"],
    ["allow", "medium", "plain text unless the server insists on TLS, and any certificate will do"],
    ["prefer", "medium", "any certificate will do, and plain text when the server offers no TLS"],
    ["require", "medium", "any certificate will do"],
    ["verify-ca", "low", "the certificate's name is not compared with the host"],
  ] as const)("fires on sslmode=%s as %s", async (sslMode, severity, detail) => {
    const result = await outcome({ ...REMOTE, sslMode });
    expect(told(result)).toEqual({ [`sslmode=${sslMode}`]: detail });
    expect(result).toMatchObject({ found: [{ severity: severity === "medium" ? undefined : severity }] });
  });

  it("takes sslmode=require with a root for what it is: the authority is verified, the name is not", async () => {
    const tls = { protocol: "TLSv1.3", cipher: "", newestOffered: "TLSv1.3", isVerified: true, chain: [] } as const;
    const result = await outcome({ ...REMOTE, sslMode: "require", tls });
    expect(result).toMatchObject({ found: [{ severity: "low", detail: expect.stringContaining("not compared") }] });
  });

  it("is silent on verify-full, and after its remedy", async () => {
    expect(told(await outcome({ ...REMOTE, sslMode: "verify-full" }))).toEqual({});
  });

  it("is info over loopback, and concerns neither sockets nor runs without a server", async () => {
    expect(await outcome({ ...LOCAL_LINE, sslMode: "prefer" })).toMatchObject({ found: [{ severity: "info" }] });
    expect(told(await outcome({ ...LOCAL_LINE, transport: "socket" }))).toMatch(/^not_applicable/);
    expect(told(await outcome(NO_LINE))).toMatch(/^not_applicable/);
  });
});
