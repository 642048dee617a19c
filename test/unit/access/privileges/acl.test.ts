/** Access control lists as the server writes them. */
import { describe, expect, it } from "vitest";
import { AclReader, aclEntryText, arrayElements, PUBLIC, privilegesOf } from "../../../../src/access/privileges/acl.ts";
import {
  knownTo,
  privilegeLetters,
  privilegeNames,
  privilegeSet,
} from "../../../../src/access/privileges/privilege.ts";

const read = (text: string | null) => new AclReader().read(text);

describe("a list", () => {
  it("is undefined for NULL and empty for a list without entries, which are not the same", () => {
    expect(read(null)).toBeUndefined();
    expect(read("{}")).toEqual([]);
  });

  it("is taken apart into grantee, privileges, options and grantor", () => {
    expect(read("{owner=arwdDxt/owner,app=r*w/owner,=U/owner}")).toEqual([
      {
        grantee: "owner",
        grantor: "owner",
        privileges: privilegeSet(["insert", "select", "update", "delete", "truncate", "references", "trigger"]),
        grantable: 0,
      },
      {
        grantee: "app",
        grantor: "owner",
        privileges: privilegeSet(["select", "update"]),
        grantable: privilegeSet(["select"]),
      },
      { grantee: PUBLIC, grantor: "owner", privileges: privilegeSet(["usage"]), grantable: 0 },
    ]);
  });

  it.each([
    ['{"\\"a=b/c\\"=r/\\"x=y\\""}', "a=b/c", "x=y"],
    ['{"\\"say \\"\\"hi\\"\\"\\"=r/o"}', 'say "hi"', "o"],
    ['{"\\"back\\\\\\\\slash\\"=r/o"}', "back\\\\slash", "o"],
    ['{"\\"a,b}c\\"=r/o"}', "a,b}c", "o"],
    ['{"\\"line\nbreak\\"=r/o"}', "line\nbreak", "o"],
  ])("keeps quoted names: %s", (text, grantee, grantor) => {
    expect(read(text)?.map((entry) => [entry.grantee, entry.grantor])).toEqual([[grantee, grantor]]);
  });

  it("is kept once when two objects have the same", () => {
    const reader = new AclReader();
    expect(reader.read("{a=r/b}")).toBe(reader.read("{a=r/b}"));
  });

  it("notes letters of a newer server instead of dropping them silently", () => {
    const reader = new AclReader();
    expect(reader.read("{a=rZ*w/b}")?.[0]?.privileges).toBe(privilegeSet(["select", "update"]));
    expect(reader.read("{a=rZ*w/b}")?.[0]?.grantable).toBe(0);
    expect([...reader.unknownLetters]).toEqual(["Z"]);
  });

  it.each(["{a}", "{a=r}", '{"\\"a=r/b"}'])("that is none is an error, not an empty list: %s", (text) => {
    expect(() => read(text)).toThrowError(expect.objectContaining({ code: "ACCESS_CATALOG_UNREADABLE" }));
  });

  it("is written back as psql shows it", () => {
    const [entry] = read("{app=r*w/owner}") ?? [];
    expect(entry && aclEntryText(entry)).toBe("app=r*w/owner");
  });

  it("sums what one role has from several grantors", () => {
    const acl = read("{app=r/a,app=w*/b,other=d/a}") ?? [];
    expect(privilegesOf(acl, "app")).toEqual({
      privileges: privilegeSet(["select", "update"]),
      grantable: privilegeSet(["update"]),
    });
  });
});

describe("an array's text", () => {
  it.each([
    ["{}", []],
    ["{a,b}", ["a", "b"]],
    ['{"a,b",c}', ["a,b", "c"]],
    ['{"a\\"b","c\\\\d"}', ['a"b', "c\\d"]],
    ['{""}', [""]],
  ])("%s", (text, elements) => {
    expect(arrayElements(text)).toEqual(elements);
  });
});

describe("a set of privileges", () => {
  it("has names and letters in the server's order", () => {
    const set = privilegeSet(["maintain", "select", "alter system", "insert"]);
    expect(privilegeNames(set)).toEqual(["insert", "select", "alter system", "maintain"]);
    expect(privilegeLetters(set)).toBe("arAm");
  });

  it("loses what a version does not know", () => {
    const set = privilegeSet(["select", "set", "maintain"]);
    expect([14, 15, 16, 17].map((major) => privilegeNames(knownTo(set, major)).join())).toEqual([
      "select",
      "select,set",
      "select,set",
      "select,set,maintain",
    ]);
  });
});
