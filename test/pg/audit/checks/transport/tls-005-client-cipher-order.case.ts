/** TLS-005. */
import tls005 from "../../../../../src/audit/checks/transport/tls-005-client-cipher-order.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: tls005,
  wrong: { ssl_prefer_server_ciphers: "off" },
  finds: ["ssl_prefer_server_ciphers"],
  right: { ssl_prefer_server_ciphers: "on" },
});
