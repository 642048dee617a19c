/** AUD-027: the log stays where an intruder can reach it. */
import { Unanswered } from "../../answers.ts";
import { defineCheck } from "../../check.ts";
import { wrong } from "../setting-check.ts";

export default defineCheck({
  id: "AUD-027",
  title: "log does not leave the server's machine",
  severity: "info",
  why:
    "Whoever takes over the machine edits its log first. An audit trail is worth something when a copy is out of reach " +
    "within moments.",
  remedy: "Send the log to another machine, and say how under audit.log_shipping of the configuration.",
  limits:
    "Nobody can see this from inside the server: unknown until it is declared. A server that logs nothing at all is " +
    "reported whatever was declared.",
  references: { stig: ["off-load of audit records"], other: ["NIST SP 800-92"] },
  scope: "cluster",
  needs: [],
  examine: async (facts) => {
    const setting = (await facts.settings()).get("log_destination");
    if (setting.value.trim() === "") return [wrong(setting, { detail: "empty: nothing is logged", to: "stderr" })];
    if (facts.declared.logShipping !== undefined) return [];
    throw new Unanswered("nothing in the configuration says how logs leave the server's machine");
  },
});
