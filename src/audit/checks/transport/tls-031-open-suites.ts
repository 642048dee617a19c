/** TLS-031: the server agrees to sessions without a certificate or without encryption. */
import { isOpen } from "../../../net/server-probe/cipher-suites.ts";
import { suiteCheck } from "./suite-check.ts";

export default suiteCheck({
  id: "TLS-031",
  title: "the server accepts anonymous or unencrypted suites",
  severity: "critical",
  why:
    "Anonymous suites have no certificate, so anybody on the way can be the server to the client and the client to the " +
    "server. NULL suites do not encrypt at all, though both sides say that TLS is on.",
  remedy: "Add !aNULL:!eNULL to ssl_ciphers, or name good suites only.",
  limits: "Seen from the address that the probe runs from.",
  references: { cis: ["6.10"], manual: ["Connections and Authentication: SSL"] },
  judge: (name) => {
    if (!isOpen(name)) return undefined;
    return name.includes("_NULL_") ? "nothing is encrypted" : "no certificate proves the server";
  },
});
