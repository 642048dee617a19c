/** Which chains lead to an authority that is publicly trusted. */
import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { leadsToPublicRoot } from "../../../../src/net/server-probe/public-roots.ts";
import { createAuthority, issue } from "../../../support/certificates.ts";

const read = (pem: string) => new X509Certificate(pem);

describe("a chain of certificates", () => {
  it("leads to a public root when that is its end", () => {
    const known = rootCertificates.map(read).find((root) => root.ca);
    if (known === undefined) throw new Error("this Node has no roots");
    expect(leadsToPublicRoot([known])).toBe(true);
  });

  it("does not because a public root stands behind it: each has to be signed by the next", async () => {
    const root = await createAuthority("lab root");
    const own = read((await issue({ commonName: "db" }, root)).certificate);
    const known = rootCertificates.map(read).find((each) => each.ca);
    expect(leadsToPublicRoot([own, ...(known ? [known] : [])])).toBe(false);
  });

  it("does not when its authority is one's own, named or not", async () => {
    const root = await createAuthority("lab root");
    const middle = await createAuthority("lab middle", { parent: root });
    const own = read((await issue({ commonName: "db" }, middle)).certificate);
    expect(leadsToPublicRoot([own, read(middle.pem), read(root.pem)])).toBe(false);
    expect(leadsToPublicRoot([own])).toBe(false);
    expect(leadsToPublicRoot([])).toBe(false);
  });
});
