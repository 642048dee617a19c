/** The printed session interface is the one a real deploy has: same views, columns, functions, types. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { ai, deploy } from "../../../src/index.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { temporaryProject } from "../../support/project.ts";

const RECORD_INTERFACE = `
create table views as
  select c.relname::text as name,
         string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum) as columns
    from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
   where c.relnamespace = pg_my_temp_schema() and c.relkind = 'v' group by 1;
create table functions as
  select p.proname::text as name,
         pg_get_function_arguments(p.oid) as args,
         pg_get_function_result(p.oid) as returns
    from pg_proc as p where p.pronamespace = pg_my_temp_schema();
create table event_type as
  select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum) as fields
    from pg_attribute as a where a.attrelid = 'pg_temp.pgmi_test_event'::regclass and a.attnum > 0;
`;

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

/** Without the schema of the session and the differences of spelling that PostgreSQL's own functions make. */
const plain = (text: string): string => text.replace(/pg_temp(_\d+)?\./g, "").replaceAll("::text", "");

it("the printed session interface is the one that a deploy offers", async () => {
  using project = temporaryProject({ "deploy.sql": RECORD_INTERFACE });
  const database = await cluster.createDatabase();
  await deploy.run({ path: project.path, connection: cluster.url(database), database });
  const printed = await ai.contract({});
  const views = await cluster.sql("select name, columns from views", { database });
  expect(new Map(printed.views.map(({ name, columns }) => [name, columns]))).toEqual(
    new Map(views.map(({ name, columns }) => [name, columns])),
  );
  const functions = await cluster.sql("select name, args, returns from functions where name not like '\\_%'", {
    database,
  });
  expect(new Map(printed.functions.map(({ name, args, returns }) => [name, plain(`${args} -> ${returns}`)]))).toEqual(
    new Map(functions.map(({ name, args, returns }) => [name, plain(`${args} -> ${returns}`)])),
  );
  const [event] = await cluster.sql("select fields from event_type", { database });
  expect(printed.types[0]?.fields).toBe(event.fields);
});
