/** What a search_path setting names, and whose setting counts. */
import { describe, expect, it } from "vitest";
import type { Role, RoleSetting, Snapshot } from "../../../../src/access/catalog/snapshot.ts";
import { hasOwnSearchPath, searchPathElements, searchPathOf } from "../../../../src/access/paths/search-path.ts";

describe("the elements of a search_path", () => {
  it.each([
    ['"$user", public', ["$user", "public"]],
    ["app, pg_temp", ["app", "pg_temp"]],
    ['App, "App", "say ""hi"""', ["app", "App", 'say "hi"']],
    ['"a,b" ,c', ["a,b", "c"]],
    ["", []],
    ['""', []],
  ])("%s", (text, elements) => expect(searchPathElements(text)).toEqual(elements));
});

describe("the search_path of a role", () => {
  const path = (value: string, database?: string): RoleSetting => ({ database, name: "search_path", value });
  const of = (own: readonly RoleSetting[], ofDatabase: readonly RoleSetting[]) => {
    const role = { settings: own } as Role;
    const snapshot = { database: "shop", databaseSettings: ofDatabase } as unknown as Snapshot;
    return { elements: searchPathOf(role, snapshot), isOwn: hasOwnSearchPath(role) };
  };

  it("is the built-in one when nobody set any", () => {
    expect(of([], [])).toEqual({ elements: ["$user", "public"], isOwn: false });
  });

  it("is the database's when the role has none", () => {
    expect(of([], [path("app")])).toEqual({ elements: ["app"], isOwn: false });
  });

  it("is the role's before the database's, and the role's for this database before all", () => {
    expect(of([path("mine")], [path("app")])).toEqual({ elements: ["mine"], isOwn: true });
    expect(of([path("mine"), path("here", "shop"), path("there", "other")], [path("app")]).elements).toEqual(["here"]);
  });
});
