/** Answers where something stands in the way of an answer. */
import { describe, expect, it } from "vitest";
import { kindOf } from "../../../../src/access/catalog/kinds.ts";
import type { Membership, Snapshot } from "../../../../src/access/catalog/snapshot.ts";
import { effectiveAccess } from "../../../../src/access/effective/effective.ts";
import { explain } from "../../../../src/access/effective/explain.ts";
import type { Explanation } from "../../../../src/access/effective/explanation.ts";
import { AclReader } from "../../../../src/access/privileges/acl.ts";
import type { CatalogObject } from "../../../../src/access/privileges/catalog-object.ts";
import { plainRole, snapshotOf } from "../../../support/snapshot.ts";

const acl = new AclReader();
const SCHEMA: CatalogObject = {
  kind: "schema",
  oid: 1,
  schema: undefined,
  name: "app",
  sql: '"app"',
  owner: "o",
  acl: acl.read("{=U/o}"),
};
const TABLE: CatalogObject = {
  kind: "table",
  oid: 2,
  schema: "app",
  name: "t",
  sql: '"app"."t"',
  owner: "o",
  acl: acl.read("{end=r/o}"),
};

async function asked(parts: Partial<Snapshot>): Promise<Explanation> {
  const names = new Set(["a", "end", "o", ...(parts.memberships ?? []).flatMap(({ role, member }) => [role, member])]);
  const roles = new Map([...names].map((name) => [name, plainRole(name, { addressable: !name.includes("\uFFFD") })]));
  const empty = snapshotOf();
  const objects = { ...empty.objects, schema: [SCHEMA], table: [TABLE] };
  const access = await effectiveAccess(snapshotOf({ roles, objects, ...parts }));
  return explain(access, { role: "a", privilege: "select", object: TABLE, kind: await kindOf("table") });
}

const member = (who: string, role: string, options: Partial<Membership> = {}): Membership => ({
  member: who,
  role,
  grantor: "postgres",
  admin: false,
  inherit: true,
  set: true,
  ...options,
});

describe("[A-07] an explanation", () => {
  it("is not a no because there were too many memberships to follow", async () => {
    const tangle = Array.from({ length: 24 }, (_, n) =>
      ["x", "y"].flatMap((from) => ["x", "y"].map((to) => member(`${n}${from}`, `${n + 1}${to}`, { set: false }))),
    ).flat();
    const dead = [member("24x", "end", { inherit: false }), member("24y", "end", { inherit: false })];
    const way = [member("a", "0x", { set: false }), member("a", "0y", { set: false }), ...tangle, ...dead];
    const { answer, isComplete } = await asked({ memberships: [...way, member("a", "z"), member("z", "end")] });
    expect({ answer, isComplete }).toEqual({ answer: "now", isComplete: false });
    expect((await asked({ memberships: way })).answer).toBe("no");
  });

  it("is unknown where a role that it can become has no readable name", async () => {
    const { answer, reasons } = await asked({ memberships: [member("a", "b\uFFFD", { inherit: false })] });
    expect({ answer, reasons }).toEqual({
      answer: "unknown",
      reasons: ["it can become a role whose name cannot be written in UTF-8"],
    });
  });

  it("is unknown where the server knows privileges that this version does not", async () => {
    const { answer } = await asked({ unreadable: ["privileges that this version does not know: Z"] });
    expect(answer).toBe("unknown");
  });

  it("is yes whatever else could not be read", async () => {
    const unreadable = ["privileges that this version does not know: Z"];
    expect((await asked({ memberships: [member("a", "end")], unreadable })).answer).toBe("now");
  });
});
