/** Values that are lists of names, taken apart as the server does. */
import { describe, expect, it } from "vitest";
import { NAME_LISTS, nameListItems } from "../../../src/pg/name-lists.ts";

describe("a list of names", () => {
  it.each([
    ['"$user", public', ["$user", "public"]],
    ['""', [""]],
    ["", []],
    ['"a ""b"" c",d', ['a "b" c', "d"]],
    ['"x, y" , z', ["x, y", "z"]],
    ["$libdir/plugins/a, b", ["$libdir/plugins/a", "b"]],
    ['App, "App"', ["app", "App"]],
  ])("%j is %j", (value, names) => {
    expect(nameListItems(value)).toEqual(names);
  });

  it("is what search_path is, and work_mem is not", () => {
    expect([NAME_LISTS.has("search_path"), NAME_LISTS.has("work_mem")]).toEqual([true, false]);
  });
});
