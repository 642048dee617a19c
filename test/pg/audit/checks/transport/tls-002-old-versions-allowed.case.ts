/** TLS-002. */
import tls002 from "../../../../../src/audit/checks/transport/tls-002-old-versions-allowed.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check: tls002,
    wrong: { ssl_min_protocol_version: "TLSv1.1" },
    finds: ["ssl_min_protocol_version"],
    right: { ssl_min_protocol_version: "TLSv1.3" },
    blind: ["plain"],
  }),
  defineCase({
    check: tls002,
    wrong: { ssl_min_protocol_version: "TLSv1" },
    finds: ["ssl_min_protocol_version"],
    right: { ssl_min_protocol_version: "TLSv1.2" },
    blind: ["plain"],
  }),
];
