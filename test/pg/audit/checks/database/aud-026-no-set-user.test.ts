/** AUD-026: a policy, which only the profiles that ask for it report. */
import { describe, expect, it } from "vitest";
import aud026 from "../../../../../src/audit/checks/database/aud-026-no-set-user.ts";
import { chooseChecks } from "../../../../../src/audit/run/run-audit.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { foundOf, madeUpFacts, objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, sharedCluster } from "../../../../support/cluster.ts";

describe.each(availableMajors())("AUD-026 on PostgreSQL %s", (major) => {
  it("fires without set_user, and is unknown to whom the list is hidden", async () => {
    const cluster = await sharedCluster(major);
    expect(objectsOf(await outcomeAt(cluster, aud026))).toEqual(["shared_preload_libraries"]);
    expect(await outcomeAsNobody(cluster, aud026)).toMatchObject({ status: "unknown", right: "pg_read_all_settings" });
  });
});

describe("AUD-026", () => {
  it.each(["set_user", "pg_stat_statements, $libdir/set_user.so"])("is silent with %s", async (libraries) => {
    const facts = madeUpFacts({ settings: { shared_preload_libraries: libraries } });
    expect(await runCheck(aud026, facts)).toEqual({ status: "pass" });
  });

  it("is not fooled by a library with a longer name, and keeps the others when it adds its own", async () => {
    const facts = madeUpFacts({
      settings: { shared_preload_libraries: "set_user_audit" },
      query: async () => [{ is_there: "t" }],
    });
    const [found] = foundOf(await runCheck(aud026, facts));
    expect(found?.fix).toMatchObject({ kind: "setting", value: "set_user_audit, set_user", needsRestart: true });
  });

  it("proposes no library that the machine does not have: the server would not start", async () => {
    const facts = madeUpFacts({
      settings: { shared_preload_libraries: "" },
      query: async () => [{ is_there: "f" }],
    });
    expect(foundOf(await runCheck(aud026, facts))[0]?.fix).toMatchObject({ kind: "words" });
  });

  it.each([
    ["default", false],
    ["dev", false],
    ["managed", false],
    ["strict", true],
    ["cis", true],
  ] as const)("takes part under the profile %s: %s", async (profile, isIn) => {
    const chosen = await chooseChecks({ profile, only: ["AUD-026"] });
    expect(chosen.length === 1).toBe(isIn);
  });
});
