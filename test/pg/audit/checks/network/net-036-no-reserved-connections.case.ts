/** NET-036. */
import net036 from "../../../../../src/audit/checks/network/net-036-no-reserved-connections.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: net036,
  wrong: { superuser_reserved_connections: "0" },
  finds: ["superuser_reserved_connections"],
  right: { superuser_reserved_connections: "1" },
  restarts: true,
});
