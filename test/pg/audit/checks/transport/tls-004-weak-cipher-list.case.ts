/** TLS-004. */
import tls004 from "../../../../../src/audit/checks/transport/tls-004-weak-cipher-list.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check: tls004,
    wrong: { ssl_ciphers: "ALL:@SECLEVEL=0" },
    finds: ["ssl_ciphers"],
    right: { ssl_ciphers: "HIGH:!aNULL:!eNULL:!MD5:!3DES:!RC4:!MEDIUM:+SHA1" },
    blind: ["plain"],
  }),
  defineCase({
    check: tls004,
    wrong: { ssl_ciphers: "HIGH:MEDIUM:+3DES:!aNULL" },
    finds: ["ssl_ciphers"],
    severities: { ssl_ciphers: "info" },
    right: { ssl_ciphers: "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384" },
    blind: ["plain"],
  }),
];
