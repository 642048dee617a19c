/** TLS-023: the server agrees to key exchanges without forward secrecy. */
import { isOpen, lacksForwardSecrecy } from "../../../net/server-probe/cipher-suites.ts";
import { suiteCheck } from "./suite-check.ts";

export default suiteCheck({
  id: "TLS-023",
  title: "the server accepts suites without forward secrecy",
  severity: "medium",
  why:
    "With these suites the session's key is sent encrypted to the key of the certificate. Whoever gets that key later, from " +
    "a backup or a retired machine, can read every session that was recorded before.",
  remedy: "Let ssl_ciphers name suites that begin with ECDHE or DHE only.",
  limits:
    "Seen from the address that the probe runs from. TLS 1.3 always has forward secrecy. Suites without encryption are TLS-031's.",
  references: { cis: ["6.10"], manual: ["Connections and Authentication: SSL"] },
  judge: (name) => (lacksForwardSecrecy(name) && !isOpen(name) ? "no forward secrecy" : undefined),
});
