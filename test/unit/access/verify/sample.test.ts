/** Which objects a sample has. */
import { describe, expect, it } from "vitest";
import type { CatalogObject } from "../../../../src/access/privileges/catalog-object.ts";
import { sampled } from "../../../../src/access/verify/sample.ts";

const object = (kind: CatalogObject["kind"], schema: string, name: string): { object: CatalogObject } => ({
  object: { kind, oid: 1, schema, name, sql: name, owner: "o", acl: undefined },
});

const ITEMS = ["a", "b"].flatMap((schema) =>
  Array.from({ length: 50 }, (_, index) => object("table", schema, `t${index}`)).concat(
    object("sequence", schema, "s"),
  ),
);

const names = (seed: number, size = 5) =>
  sampled(ITEMS, { size, seed }).map(({ object: { schema, name } }) => `${schema}.${name}`);

describe("a sample", () => {
  it("has at most so many of each kind per schema, in the order of the whole", () => {
    const chosen = sampled(ITEMS, { size: 5, seed: 1 });

    expect(chosen.length).toBe(12);
    expect(ITEMS.filter((item) => chosen.includes(item))).toEqual(chosen);
  });

  it("is the same for the same seed and another for another", () => {
    expect(names(7)).toEqual(names(7));
    expect(names(7)).not.toEqual(names(8));
  });

  it("is everything when there is less", () => {
    expect(sampled(ITEMS, { size: 1_000, seed: 3 })).toEqual(ITEMS);
  });

  it("gives every object a chance", () => {
    const seen = new Set(Array.from({ length: 400 }, (_, seed) => names(seed, 1)).flat());

    expect(seen.size).toBe(102);
  });
});
