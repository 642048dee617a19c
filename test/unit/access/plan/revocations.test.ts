/** Requests that somebody shall lose something: planned as each grantor, refused where others would lose with them. */
import { describe, expect, it } from "vitest";
import { planRevocations, type RevocationRequest } from "../../../../src/access/plan/revocations.ts";
import type { CatalogObject } from "../../../../src/access/privileges/catalog-object.ts";
import { expectLinearTime } from "../../../support/growth.ts";
import { objectOf, roleOf, snapshotOf } from "../../../support/planning.ts";

const request = (object: string, parts: Partial<RevocationRequest> = {}): RevocationRequest => ({
  kind: "table",
  object,
  privileges: ["SELECT"],
  role: "web",
  sql: `revoke select on table ${object} from "web"`,
  ...parts,
});
const roles = ["web", "other", "third"].map((name) => roleOf(name));
const plan = (requests: readonly RevocationRequest[], objects: readonly CatalogObject[]) =>
  planRevocations(requests, snapshotOf({ roles, objects }), "a finding asks for it");
const app = objectOf("schema", "app", { acl: "{own=UC/own}" });
const table = (name: string, acl: string) => objectOf("table", name, { schema: "app", acl });

describe("a request", () => {
  it("takes exactly the named privileges of the named object, with the reason that was given", async () => {
    const objects = [app, table("a", "{own=rw/own,web=rw/own}"), table("b", "{own=r/own,web=r/own}")];
    const { plan: made } = await plan([request("app.a")], objects);
    expect(made.statements).toMatchObject([
      { sql: 'revoke select on table "app"."a" from "web"', reason: "a finding asks for it" },
    ]);
  });

  it("never becomes a statement about everything in the schema", async () => {
    const objects = [app, table("a", "{own=r/own,web=r/own}"), table("b", "{own=r/own,web=r/own}")];
    const { plan: made } = await plan([request("app.a"), request('"app"."b"')], objects);
    expect(made.statements.map(({ sql }) => sql)).toEqual(['revoke select on table "app"."a", "app"."b" from "web"']);
  });

  it("is carried out as every role that granted it", async () => {
    const objects = [app, table("a", "{own=r*/own,third=r*/own,web=r/own,web=r/third}")];
    const asked = request("app.a");
    const { plan: made, fates } = await plan([asked], objects);
    expect(fates.get(asked)).toEqual({ fate: "planned", actors: ["third", undefined] });
    expect(made.statements.map(({ sql }) => sql)).toContain('set role "third"');
  });

  it("is left to a person when others were given it further", async () => {
    const objects = [app, table("a", "{own=r*/own,web=r*/own,other=r/web}")];
    const asked = request("app.a");
    const { plan: made, fates } = await plan([asked], objects);
    expect(made.statements).toEqual([]);
    expect(fates.get(asked)).toMatchObject({
      fate: "blocked",
      needs: "a decision about those to whom it was passed on",
    });
  });

  it("may be about the right to pass on alone", async () => {
    const objects = [app, table("a", "{own=r*/own,web=r*/own}")];
    const { plan: made } = await plan([request("app.a", { optionOnly: true })], objects);
    expect(made.statements.map(({ sql }) => sql)).toEqual([
      'revoke grant option for select on table "app"."a" from "web"',
    ]);
  });

  it("may be about columns", async () => {
    const columns = new Map([["ssn", [{ grantee: "web", grantor: "own", privileges: 2, grantable: 0 }]]]);
    const object = { ...table("a", "{own=r/own}"), columns, columnNames: ["id", "ssn"] };
    const { plan: made } = await plan([request("app.a", { columns: ["ssn"] })], [app, object]);
    expect(made.statements.map(({ sql }) => sql)).toEqual(['revoke select ("ssn") on table "app"."a" from "web"']);
  });

  it.each([
    ["a routine as the server names it", { kind: "routine", object: "app.f(integer,text)", privileges: [] }],
    ["a function by its other word", { kind: "function", object: '"app".f(integer, text)', privileges: ["EXECUTE"] }],
  ])("finds %s", async (_, parts) => {
    const routine = objectOf("routine", "f(integer, text)", { schema: "app", acl: "{own=X/own,web=X/own}" });
    const other = objectOf("routine", "f(integer)", { schema: "app", acl: "{own=X/own,web=X/own}", oid: 7 });
    const { plan: made } = await plan(
      [request("", parts)],
      [app, { ...routine, sql: '"app"."f"(integer, text)' }, other],
    );
    expect(made.statements.map(({ sql }) => sql)).toEqual([
      'revoke execute on routine "app"."f"(integer, text) from "web"',
    ]);
  });

  it("finds names that need quotes or escapes", async () => {
    const name = 'od"d, (na\nme)';
    const { plan: made } = await plan(
      [request('app.U&"od""d, (na\\000ame)"')],
      [app, table(name, "{own=r/own,web=r/own}"), table("od", "{own=r/own,web=r/own}")],
    );
    expect(made.statements).toHaveLength(1);
    expect(made.statements[0]?.sql).toContain("na\\000ame");
  });

  it("is about everybody with the empty name", async () => {
    const { plan: made } = await plan(
      [request("app", { kind: "schema", privileges: ["CREATE"], role: "" })],
      [objectOf("schema", "app", { acl: "{own=UC/own,=UC/own}" })],
    );
    expect(made.statements.map(({ sql }) => sql)).toEqual(['revoke create on schema "app" from public']);
  });

  it.each([
    ["an object that is not there", request("app.missing"), "the object was not found"],
    [
      "all routines of a name",
      request("app.f", { kind: "routine" }),
      "its object is not named in a way that the planner knows",
    ],
    [
      "a kind that it does not know",
      request("app.a", { kind: "cube" }),
      "its object is not named in a way that the planner knows",
    ],
    ["a name that it cannot read", request('app."a'), "its object is not named in a way that the planner knows"],
    [
      "a privilege that it does not know",
      request("app.a", { privileges: ["FLY"] }),
      "the planner does not know the privilege",
    ],
  ])("is never passed over in silence: %s", async (_, asked, reason) => {
    const { plan: made, fates } = await plan([asked], [app, table("a", "{own=r/own}")]);
    expect(fates.get(asked)).toMatchObject({ fate: "blocked", reason });
    expect(made.blocked.map(({ sql }) => sql)).toEqual([asked.sql]);
  });

  it.each([
    ["the role is gone", request("app.a", { role: "gone" })],
    ["nobody has it", request("app.a")],
  ])("has nothing to do when %s", async (_, asked) => {
    const { plan: made, fates } = await plan([asked], [app, table("a", "{own=r/own}")]);
    expect([fates.get(asked), made.statements, made.blocked]).toEqual([{ fate: "nothing to do" }, [], []]);
  });

  it("leaves alone what nobody asked about, also of roles that a model would call strangers", async () => {
    const objects = [table("a", "{own=r/own,web=rw/own,other=r/own,=r/own}")];
    const { plan: made } = await plan([request("app.a")], [app, ...objects]);
    expect(made.statements).toHaveLength(1);
  });
});

describe("many requests", () => {
  it("of five thousand objects among ten thousand are planned in proportion to their number", async () => {
    const input = (size: number) => ({
      objects: Array.from({ length: size * 2 }, (_, n) => ({ ...table(`t${n}`, "{own=r/own,web=r/own}"), oid: n + 1 })),
      requests: Array.from({ length: size }, (_, n) => request(`app.t${n * 2}`)),
    });
    const work = ({ requests, objects }: ReturnType<typeof input>) => plan(requests, [app, ...objects]);
    const { plan: made, fates } = await work(input(5_000));
    expect(made.statements).toHaveLength(50);
    expect([...fates.values()].every(({ fate }) => fate === "planned")).toBe(true);
    await expectLinearTime({ input, work, largest: 5_000 });
  }, 60_000);
});
