/** NET-035. */
import net035 from "../../../../../src/audit/checks/network/net-035-no-connection-limit.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: net035,
  defect: `create role "App 1" login; create role app2 login connection limit -1`,
  finds: ["App 1", "app2"],
  lookAlike: `create role limited login connection limit 5; create role closed login connection limit 0;
              create role grouped nologin; create role boss superuser login`,
  cure: `alter role "App 1" connection limit 20; alter role app2 connection limit 20`,
});
