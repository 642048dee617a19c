/** AUD-024. */
import aud024 from "../../../../../src/audit/checks/database/aud-024-event-triggers-off.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud024,
  wrong: { event_triggers: "off" },
  finds: ["event_triggers"],
  right: { event_triggers: "on" },
});
