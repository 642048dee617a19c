/** Databases of a given size with what checks look at, and the queries that checks send. */

/** SQL that makes schemas, tables with columns, grants, policies and functions, and roles with memberships. */
export function objects({ schemas, tables, roles }) {
  return [rolesAndSchemas(roles, schemas), ...batches(tables).map((batch) => tablesOf(batch, { schemas, roles }))];
}

/** 1,000 tables in one transaction: their locks fit the server's table of locks. */
const BATCH = 1_000;

function batches(tables) {
  const starts = Array.from({ length: Math.ceil(tables / BATCH) }, (_, index) => 1 + index * BATCH);
  return starts.map((first) => ({ first, last: Math.min(first + BATCH - 1, tables) }));
}

function rolesAndSchemas(roles, schemas) {
  return `
    do $$
    begin
      for i in 1..${roles} loop
        if not exists (select from pg_roles where rolname = 'r' || i) then
          execute format('create role r%s %s', i, case when i % 3 = 0 then 'nologin' else 'login' end);
        end if;
      end loop;
      for i in 4..${roles} loop
        if i % 3 <> 0 then execute format('grant r%s to r%s', 3 * (1 + i % (${roles} / 3)), i); end if;
      end loop;
      for i in 1..${schemas} loop
        execute format('create schema s%s', i);
        execute format('create function s%s.f() returns int language sql as $f$select 1$f$', i);
      end loop;
    end $$`;
}

function tablesOf({ first, last }, { schemas, roles }) {
  return `
    do $$
    begin
      for i in ${first}..${last} loop
        execute format('create table s%s.t%s (id int primary key, tenant_id int, note text)', 1 + i % ${schemas}, i);
        execute format('grant select, insert, update on s%s.t%s to r%s', 1 + i % ${schemas}, i, 1 + i % ${roles});
        if i % 10 = 0 then
          execute format('alter table s%s.t%s enable row level security', 1 + i % ${schemas}, i);
          execute format('create policy own on s%s.t%s using (tenant_id = 1)', 1 + i % ${schemas}, i);
        end if;
      end loop;
    end $$`;
}

/** The queries that a check sends when everything may be seen. Answers are empty, so a check that asks on asks no further. */
export async function queriesOf(check, major) {
  const texts = [];
  const facts = new Proxy(
    { database: "bench", now: new Date(), declared: {} },
    {
      get(target, name) {
        if (name in target) return target[name];
        if (name === "server")
          return () => ({ major, versionNumber: major * 10_000, version: String(major), isStandby: false });
        if (name === "has") return () => true;
        if (name === "require") return () => {};
        if (name === "query")
          return async (sql) => {
            texts.push(sql);
            return [];
          };
        return () => {
          throw new Error("no such fact");
        };
      },
    },
  );
  await check.examine(facts).catch(() => {});
  return texts;
}
