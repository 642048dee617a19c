/** The rule schema-owner alone: whose objects can be replaced, and by whom. */
import { describe, expect, it } from "vitest";
import schemaOwner from "../../../../src/access/paths/edges/schema-owner.ts";
import { Holders } from "../../../../src/access/paths/holders.ts";
import type { CatalogObject } from "../../../../src/access/privileges/catalog-object.ts";
import { plainRole, snapshotOf } from "../../../support/snapshot.ts";

const FACTS = { fileFunctions: [], userMappings: [], hba: [], otherDatabases: [], unreadable: [] };

function edges(schemaOwnedBy: string, table: Partial<CatalogObject> = {}) {
  const roles = new Map(
    [plainRole("app"), plainRole("boss"), plainRole("postgres", { superuser: true, oid: 10 })].map((role) => [
      role.name,
      role,
    ]),
  );
  const common = { oid: 20_000, name: "shop", sql: '"shop"', schema: undefined, acl: undefined };
  const schema: CatalogObject = { ...common, kind: "schema", owner: schemaOwnedBy };
  const orders: CatalogObject = {
    ...common,
    ...{ kind: "table", schema: "shop", sql: '"shop"."orders"', owner: "boss" },
    ...table,
  };
  const empty = snapshotOf({ roles });
  const snapshot = { ...empty, objects: { ...empty.objects, schema: [schema], table: [orders] } };
  return [...schemaOwner.edges({ snapshot, hooks: [], facts: FACTS, holders: new Holders(snapshot) })];
}

describe("[A-07] schema-owner", () => {
  it("leads from the schema's owner to whoever uses what others own in it", () => {
    expect(edges("app")).toMatchObject([
      { from: { kind: "using", role: "app" }, remove: 'alter schema "shop" owner to "boss"' },
      { to: { kind: "being", role: "boss" }, strength: "waiting" },
    ]);
  });

  it("says nothing when all belongs to one role, to a superuser, or to an extension", () => {
    expect(edges("boss")).toEqual([]);
    expect(edges("postgres")).toEqual([]);
    expect(edges("app", { extension: "some" })).toEqual([]);
  });
});
