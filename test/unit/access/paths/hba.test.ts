/** Whom a line of pg_hba.conf lets in. */
import { describe, expect, it } from "vitest";
import type { Snapshot } from "../../../../src/access/catalog/snapshot.ts";
import type { HbaRule } from "../../../../src/access/paths/facts.ts";
import { admits, decidingRule } from "../../../../src/access/paths/hba.ts";
import { Holders } from "../../../../src/access/paths/holders.ts";

const holders = new Holders({
  roles: new Map([["app", {}]]),
  memberships: [{ role: "staff", member: "app", inherit: true }],
  objects: { schema: [], database: [], table: [] },
} as unknown as Snapshot);

const rule = (changes: Partial<HbaRule>): HbaRule => ({
  line: 1,
  type: "host",
  databases: ["all"],
  users: ["all"],
  address: "10.0.0.0",
  netmask: "255.0.0.0",
  method: "scram-sha-256",
  ...changes,
});

describe("a line", () => {
  it.each<[string, Partial<HbaRule>, string, boolean]>([
    ["names everybody", {}, "shop", true],
    ["rejects", { method: "reject" }, "shop", false],
    ["names the role", { users: ["other", "app"] }, "shop", true],
    ["names another role", { users: ["other"] }, "shop", false],
    ["names a group of it", { users: ["+staff"] }, "shop", true],
    ["names a group of others", { users: ["+admins"] }, "shop", false],
    ["has a pattern for it", { users: ["/^a.p$"] }, "shop", true],
    ["has a pattern that is none", { users: ["/("] }, "shop", true],
    ["names another database", { databases: ["other"] }, "shop", false],
    ["names the database like the role", { databases: ["sameuser"] }, "app", true],
    ["names databases like its groups", { databases: ["samerole"] }, "staff", true],
    ["is for all databases, which replication is not", {}, "replication", false],
    ["is for replication", { databases: ["replication"] }, "replication", true],
  ])("that %s", (_, changes, database, expected) => {
    expect(admits(rule(changes), { role: "app", database, holders })).toBe(expected);
  });

  it("decides only when none of the same address matches before it", () => {
    const first = rule({ line: 1, users: ["app"] });
    const trust = rule({ line: 2, method: "trust" });
    const login = (role: string) => ({ role, database: "shop", holders });
    expect(decidingRule([first, trust], trust, login("app"))).toBe(first);
    expect(decidingRule([first, trust], trust, login("other"))).toBe(trust);
    expect(decidingRule([rule({ address: "192.0.2.1" }), trust], trust, login("app"))).toBe(trust);
  });
});
