/** PRC-003 where the server or the databases set the limit. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/prc-003-no-statement-timeout.ts";
import { objectsOf, outcomeAt } from "../../../../support/audited.ts";
import { startCluster } from "../../../../support/cluster.ts";

describe("PRC-003 with limits of the server and of databases", () => {
  it("is silent where the server limits all, but for a login that lifts its own limit", async () => {
    await using cluster = await startCluster({ settings: { statement_timeout: "10min" } });
    await cluster.sql("create role app login; create role free login; alter role free set statement_timeout = 0");
    expect(objectsOf(await outcomeAt(cluster, check))).toEqual(["free"]);
  });

  it("is silent where every database of the login has a limit", async () => {
    await using cluster = await startCluster();
    await cluster.sql("create role app login");
    await cluster.sql("create database shop");
    await cluster.sql("alter database postgres set statement_timeout = '1min'");
    expect(objectsOf(await outcomeAt(cluster, check, { database: "shop" }))).toEqual(["app"]);
    await cluster.sql("alter database shop set statement_timeout = '1min'");
    expect(objectsOf(await outcomeAt(cluster, check, { database: "template1" }))).toEqual([]);
  });
});
