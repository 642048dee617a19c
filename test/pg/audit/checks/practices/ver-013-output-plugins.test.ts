/** VER-013: a setting of releases since August 2026. Where no server here is that new, its values are made up. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/ver-013-output-plugins.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, sharedCluster, startCluster } from "../../../../support/cluster.ts";

const of = (libraries: string, level = "logical") =>
  runCheck(check, madeUpFacts({ settings: { output_plugin_libraries: libraries, wal_level: level } }));

describe("VER-013 output plug-ins", () => {
  it.each(["pgoutput, test_decoding", "*", "test_decoding"])(
    "fires on %s, and is silent on what its remedy sets",
    async (wide) => {
      const outcome = await of(wide);
      expect(outcome).toMatchObject({ found: [{ object: "output_plugin_libraries", fix: { value: "pgoutput" } }] });
      expect(await of("pgoutput")).toEqual({ status: "pass" });
    },
  );

  it.each(["pgoutput, wal2json", "my_test_decoding_2", ""])("is silent on %j, which looks alike", async (narrow) => {
    expect(await of(narrow)).toEqual({ status: "pass" });
  });

  it("does not concern a server that cannot decode", async () => {
    expect(await of("*", "replica")).toMatchObject({ status: "not_applicable" });
  });

  it.each(availableMajors())("says of PostgreSQL %i what it has", async (major) => {
    const cluster = await sharedCluster(major);
    const [row] = await cluster.sql(
      "select count(*)::int as n from pg_settings where name = 'output_plugin_libraries'",
    );
    if (row.n === 0) {
      expect(await outcomeAt(cluster, check)).toEqual({
        status: "not_applicable",
        reason: "the server has no setting output_plugin_libraries",
      });
    } else {
      await using logical = await startCluster({ major, settings: { wal_level: "logical" } });
      expect(await outcomeAt(logical, check)).toMatchObject({ found: [{ object: "output_plugin_libraries" }] });
    }
  });
});
