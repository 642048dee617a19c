/** NET-031. */
import net031 from "../../../../../src/audit/checks/network/net-031-socket-permissions.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: net031,
  wrong: { unix_socket_permissions: "0777" },
  finds: ["unix_socket_permissions"],
  right: { unix_socket_permissions: "0775" },
  restarts: true,
});
