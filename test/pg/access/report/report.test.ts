/** The report says in words what psql shows, and what psql leaves to the reader; two reports of one state are equal. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import accessReportRenderer from "../../../../src/cli/renderers/access.report.ts";
import accessReport from "../../../../src/operations/access.report.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { HOSTILE_NAMES } from "../../../support/hostile-names.ts";
import { runOperation } from "../../../support/operation.ts";

const VIEW = {
  colour: false,
  ascii: false,
  width: 100,
  isTerminal: false,
  isFitted: false,
  verbose: true,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 0,
} as const;

const FIXTURE = `
  create role keeper; create role app_rw; create role app login connection limit 7 valid until '2031-01-01 00:00:00+00';
  create role reader login; grant app_rw to app; create role runner login noinherit; grant keeper to runner;
  alter role app set statement_timeout = '15s';
  create schema shop authorization keeper; grant usage on schema shop to app_rw, reader;
  set role keeper;
  create table shop.orders (id int, owner name, note text);
  grant select, insert, update, delete on shop.orders to app_rw; grant select (id) on shop.orders to reader;
  alter table shop.orders enable row level security;
  create policy own on shop.orders to app_rw using (owner = current_user);
  alter default privileges in schema shop grant select on tables to app_rw;
  create function shop.purge() returns void language sql security definer as 'select';
  reset role;
  grant create on schema shop to reader`;

describe.each(availableMajors())("the report of PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql(FIXTURE);
  });
  afterAll(async () => {
    await cluster.stop();
  });
  const report = async (input: Parameters<typeof accessReport.run>[0] = {}) =>
    (await runOperation(accessReport, { connection: cluster.url(), ...input })).output;

  it("tells roles, with what they are members of and what is set for them", async () => {
    const { roles } = await report();
    expect(roles.find(({ role }) => role === "app")).toMatchObject({
      attributes: ["login"],
      connection_limit: 7,
      password: "none",
      settings: [{ database: null, name: "statement_timeout", value: "15s" }],
      member_of: [{ role: "app_rw", inherit: true, set: true, admin: false, granted_by: "postgres" }],
      superuser_by: null,
    });
  });

  it("spells privileges out, those of columns too, and says what runs as its owner", async () => {
    const { objects } = await report({ schema: "shop" });
    const orders = objects.find(({ name }) => name === "orders");
    expect(orders?.grants.find(({ role }) => role === "app_rw")?.may).toEqual(["read", "write"]);
    expect(orders?.columns).toEqual([
      { column: "id", grants: [expect.objectContaining({ role: "reader", may: ["read"], granted_by: "keeper" })] },
    ]);
    expect(orders?.row_security).toEqual({ enabled: true, forced: false });
    expect(orders?.policies[0]).toMatchObject({ name: "own", roles: ["app_rw"] });
    expect(objects.find(({ name }) => name === "purge()")).toMatchObject({
      runs_as_owner: true,
      is_default: true,
      grants: [{ role: "PUBLIC", may: ["execute"], granted_by: null }, { role: "keeper" }],
    });
  });

  it("says what default privileges apply to and who is not covered by them", async () => {
    const { defaults, creators_not_covered } = await report({ only: "defaults" });
    expect(defaults).toEqual([
      expect.objectContaining({
        creator: "keeper",
        schema: "shop",
        on: "tables",
        meaning: "applies to tables that keeper will create in schema shop",
      }),
    ]);
    expect(creators_not_covered).toEqual([{ schema: "shop", creator: "reader" }]);
  });

  it("puts roles against schemas, each cell with its reason", async () => {
    const { matrix } = await report({ only: "matrix", schema: "shop" });
    const cell = (role: string) => matrix.find((row) => row.role === role);
    expect(cell("keeper")).toMatchObject({ access: "owner", because: "owns the schema" });
    expect(cell("app")).toMatchObject({ access: "write", because: "may write orders, through app_rw" });
    expect(cell("reader")).toMatchObject({ access: "ddl", after_set_role: null });
    expect(cell("runner")).toMatchObject({ access: "none", after_set_role: "owner" });
    expect(cell("postgres")).toMatchObject({ access: "superuser" });
  });

  it("is the same text twice", async () => {
    expect(JSON.stringify(await report())).toBe(JSON.stringify(await report()));
  });

  it("says what a role without rights could not see", async () => {
    await cluster.sql("create role nobody login password 'a plain password'");
    const connection = `postgresql://nobody:a%20plain%20password@127.0.0.1:${cluster.port}/postgres`;
    const { output } = await runOperation(accessReport, { connection });
    expect(output.unreadable.join()).toContain("pg_authid");
    expect(output.roles.find(({ role }) => role === "app")?.password).toBe("unknown");
  });
});

describe("hostile names in a report", () => {
  it("stay text in every format", async () => {
    await using cluster = await startCluster();
    const { ident } = await import("../../../../src/pg/identifiers.ts");
    for (const name of HOSTILE_NAMES.filter((one) => one !== "public")) {
      await cluster.sql(
        `create role ${ident(name)}; create schema ${ident(`s${name}`.slice(0, 30))}; grant usage on schema ${ident(`s${name}`.slice(0, 30))} to ${ident(name)}; grant pg_monitor to ${ident(name)}`,
      );
    }
    await cluster.sql(`create role "<script>alert(1)</script>"; grant pg_monitor to "<script>alert(1)</script>"`);
    const { output } = await runOperation(accessReport, { connection: cluster.url() });
    const { formats = {}, result } = accessReportRenderer;
    const texts = [
      result?.(output, VIEW) ?? "",
      ...(await Promise.all(Object.values(formats).map((format) => format(output)))),
    ];
    expect(texts).toHaveLength(4);
    for (const text of texts) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly what must not be there.
      expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e\u200b\u2028\ufeff]/);
    }
    expect(await formats.html?.(output)).not.toContain("<script>alert");
  });
});
