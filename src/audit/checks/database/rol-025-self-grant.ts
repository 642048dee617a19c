/** ROL-025: roles are granted to whoever creates them. */
import { defineCheck, type Found } from "../../check.ts";
import { wrong } from "../setting-check.ts";
import { foundAndMore } from "./partial-answers.ts";
import { type StoredSetting, storedSettings } from "./stored-settings.ts";

const NAME = "createrole_self_grant";
const RISK = { risk: "low", riskReason: "a role that makes roles does not get into new ones by itself" } as const;

export default defineCheck({
  id: "ROL-025",
  title: "creators of roles become members of them",
  severity: "info",
  since: 16,
  why:
    "With createrole_self_grant whoever makes a role inherits from it or may become it, so the role that provisions logins " +
    "gathers the privileges of all of them. Empty, it has ADMIN alone.",
  remedy: "Reset it, unless the provisioning role has to work as the roles it makes.",
  references: { manual: ["Client Connection Defaults"] },
  scope: "cluster",
  needs: [],
  examine: async (facts) => {
    const stored = (await storedSettings(facts, [NAME])).filter(({ value }) => value.trim() !== "");
    return await foundAndMore(stored.map(storedValue), async () => {
      const server = (await facts.settings()).get(NAME);
      return server.value.trim() === "" ? [] : [wrong(server, { to: null, ...RISK })];
    });
  },
});

function storedValue({ holder, value, reset }: StoredSetting): Found {
  return { object: `${holder} ${NAME}`, detail: value, fix: { kind: "sql", sql: [reset], ...RISK } };
}
