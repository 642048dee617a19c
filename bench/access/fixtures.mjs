/** Databases and models of a given size, and the statements that a person would write for the same grants. */

const numbers = (count) => Array.from({ length: count }, (_, index) => index + 1);

/** SQL that makes `schemas` schemas with `tables` tables in all and `roles` roles, named s1, t1, r1 and on. */
export function objects({ schemas, tables, roles }) {
  return `
    do $$
    begin
      for i in 1..${roles} loop
        if not exists (select from pg_roles where rolname = 'r' || i) then execute format('create role r%s login', i); end if;
      end loop;
      for i in 1..${schemas} loop execute format('create schema s%s', i); end loop;
    end $$;
    do $$
    begin
      for i in 1..${tables} loop execute format('create table s%s.t%s (id int)', 1 + i % ${schemas}, i); end loop;
    end $$;`;
}

/** One GRANT per table and role, as scripts have them. */
export function grantScript({ schemas, tables, roles }) {
  const lines = numbers(schemas).flatMap((schema) =>
    numbers(roles).map((role) => `grant usage on schema s${schema} to r${role};`),
  );
  for (const table of numbers(tables))
    for (const role of numbers(roles))
      lines.push(`grant select, insert on table s${1 + (table % schemas)}.t${table} to r${role};`);
  return `${lines.join("\n")}\n`;
}

/** A model in which every role may select and insert everywhere; `roles` logins, of which the first `granted` get it. */
export function model({ database, schemas, roles, granted = roles }) {
  const grants = numbers(granted).map((role) => `      - { to: r${role}, usage: true, tables: [select, insert] }`);
  return [
    "version: 1",
    `database: ${database}`,
    "roles:",
    ...numbers(roles).map((role) => `  r${role}: { login: true }`),
    "schemas:",
    ...numbers(schemas).flatMap((schema) => [`  s${schema}:`, "    grants:", ...grants]),
    "",
  ].join("\n");
}

/** SQL that makes `roles` roles with `memberships` distinct memberships among them, each in a role of a lower number. */
export function memberships({ roles, memberships: count }) {
  return `
    do $$
    declare made int := 0; step int;
    begin
      for i in 1..${roles} loop execute format('create role m%s login', i); end loop;
      foreach step in array array[13, 37, 101, 211, 307, 401, 503, 601] loop
        for a in 1..${roles} - step loop
          exit when made = ${count};
          execute format('grant m%s to m%s', a, a + step);
          made := made + 1;
        end loop;
      end loop;
      if made < ${count} then raise exception 'only % memberships were made', made; end if;
    end $$;`;
}
