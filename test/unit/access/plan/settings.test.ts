/** Values that the server stores in a form of its own. */
import { describe, expect, it } from "vitest";
import { normalInstant } from "../../../../src/access/plan/instants.ts";
import { isSameSetting, setSql } from "../../../../src/access/plan/setting-sql.ts";
import { nameListItems } from "../../../../src/pg/name-lists.ts";

describe("settings", () => {
  it("write lists of names item by item, and other values as one text", () => {
    expect(setSql("search_path", 'app, "B, c", "$user"')).toBe(`set "search_path" to 'app', 'B, c', '$user'`);
    expect(setSql("work_mem", "8MB")).toBe(`set "work_mem" to '8MB'`);
    expect(setSql("app.tenant", "it's")).toBe(`set "app"."tenant" to 'it''s'`);
    expect(setSql("search_path", "")).toBe(`set "search_path" to ''`);
  });

  it("compare lists as the server reads them", () => {
    expect(isSameSetting("search_path", "App,pg_temp", 'app, "pg_temp"')).toBe(true);
    expect(isSameSetting("search_path", "a, b", "b, a")).toBe(false);
    expect(isSameSetting("work_mem", "8MB", "8mb")).toBe(false);
    expect(nameListItems('"say ""hi""" , x')).toEqual(['say "hi"', "x"]);
  });
});

describe("the end of a role's validity", () => {
  it.each([
    ["2027-06-30", "2027-06-30 00:00:00+00"],
    ["2027-06-30T12:00:00+02:00", "2027-06-30 10:00:00+00"],
    ["2027-06-30 12:00", "2027-06-30 12:00:00+00"],
    ["2027-06-30 00:00:00.5+00", "2027-06-30 00:00:00.500+00"],
    ["infinity", undefined],
    [undefined, undefined],
    ["next week", "next week"],
  ])("%j is %j", (written, instant) => {
    expect(normalInstant(written)).toBe(instant);
  });
});
