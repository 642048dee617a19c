/** AUD-023. */
import aud023 from "../../../../../src/audit/checks/database/aud-023-track-activities.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud023,
  wrong: { track_activities: "off" },
  finds: ["track_activities"],
  right: { track_activities: "on", track_counts: "off" },
});
