/**
 * The same SQL for every tool, in the layout that each expects.
 *
 * Every tenth file creates a table with an index and a comment, the others a function with a comment: what a project
 * of that size holds mostly, and little enough locking that 3,000 files fit into one transaction with default settings.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const number = (index) => String(index).padStart(5, "0");

export function sqlOfFile(index) {
  const n = number(index);
  if (index % 10 === 0) {
    return `create table item_${n} (
  id bigint generated always as identity primary key,
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null default now()
);
create index item_${n}_created_at on item_${n} (created_at);
comment on table item_${n} is 'Items of kind ${n}.';
`;
  }
  return `create function total_${n}(p_amount numeric, p_rate numeric default 0.19)
  returns numeric
  language sql
  immutable
as $$
  select round(p_amount * (1 + p_rate), 2)
$$;
comment on function total_${n}(numeric, numeric) is 'Amount with tax, kind ${n}.';
`;
}

function write(path, text) {
  writeFileSync(path, text);
}

function folder(...parts) {
  const path = join(...parts);
  mkdirSync(path, { recursive: true });
  return path;
}

const files = (count) =>
  Array.from({ length: count }, (_, index) => ({ name: `${number(index)}.sql`, sql: sqlOfFile(index) }));

const LOOP = `do $deploy$
declare
  v_file record;
begin
  for v_file in
    select path, content from pg_temp.pgmi_plan_view where path like './migrations/%' order by execution_order
  loop
    execute v_file.content;
  end loop;
end
$deploy$;
`;

/** A project for pgkeep: one transaction, files in plan order. */
export function pgkeepProject(root, count) {
  const migrations = folder(root, "migrations");
  for (const file of files(count)) write(join(migrations, file.name), file.sql);
  write(join(root, "deploy.sql"), `begin;\n${LOOP}commit;\n`);
  return root;
}

/** As above with a ledger in the project, so that a second deploy has nothing to do. */
export function pgkeepLedgerProject(root, count) {
  pgkeepProject(root, count);
  write(
    join(root, "deploy.sql"),
    `begin;
create table if not exists applied_file (
  path text primary key,
  checksum text not null,
  applied_at timestamptz not null default now()
);
do $deploy$
declare
  v_file record;
begin
  for v_file in
    select p.path, p.content, p.checksum
      from pg_temp.pgmi_plan_view as p
     where p.path like './migrations/%'
       and not exists (select from applied_file as a where a.path = p.path and a.checksum = p.checksum)
     order by p.execution_order
  loop
    execute v_file.content;
    insert into applied_file (path, checksum) values (v_file.path, v_file.checksum);
  end loop;
end
$deploy$;
commit;
`,
  );
  return root;
}

/**
 * `count` tests behind one fixture for pgkeep, and the same statements and savepoints as one psql script. A `small` test
 * inserts one row and counts; a `usual` one writes a few hundred rows, changes some and compares sums.
 */
export function testProjects(root, count, weight) {
  const tests = folder(root, "project", "__test__");
  const fixture = "insert into tested select n, 'row ' || n, n from generate_series(1, 50) as n;\n";
  const body = weight === "small" ? smallTest : usualTest;
  write(join(tests, "_setup.sql"), fixture);
  const table = "create table tested (id bigint primary key, name text not null, amount numeric not null);\n";
  const script = [table, "savepoint d;\n", fixture, "savepoint t;\n"];
  for (let index = 0; index < count; index++) {
    write(join(tests, `test_${number(index)}.sql`), body(index));
    script.push(body(index), "rollback to savepoint t;\n");
  }
  script.push("rollback to savepoint d;\nrelease savepoint d;\n");
  write(join(root, "project", "deploy.sql"), `begin;\n${table}CALL pgmi_test();\ncommit;\n`);
  write(join(root, "psql.sql"), script.join(""));
  return { project: join(root, "project"), psqlScript: join(root, "psql.sql") };
}

const smallTest = (index) => `do $$
begin
  insert into tested values (${1_000 + index}, 'mine', 1);
  if (select count(*) from tested) <> 51 then
    raise exception 'expected 51 rows';
  end if;
end
$$;
`;

const usualTest = (index) => `do $$
declare
  v_before numeric;
  v_after numeric;
begin
  insert into tested select n, 'order ' || n, n * 1.5 from generate_series(${1_000 + index}, ${1_500 + index}) as n;
  select sum(amount) into v_before from tested;
  update tested set amount = amount + 1 where id % 3 = 0;
  select sum(amount) into v_after from tested;
  if v_after - v_before <> (select count(*) from tested where id % 3 = 0) then
    raise exception 'the sum rose by %', v_after - v_before;
  end if;
  delete from tested where name like 'order %';
  if (select count(*) from tested) <> 50 then
    raise exception 'expected 50 rows';
  end if;
end
$$;
`;

/** One project with a single large data file of about `megabytes` MB, in rows of 1 kB. */
export function dataProject(root, megabytes) {
  const data = folder(root, "data");
  const row = (index) => `(${index}, '${"x".repeat(1_000)}')`;
  const statements = Array.from({ length: megabytes }, (_, block) => {
    const rows = Array.from({ length: 1_000 }, (__, index) => row(block * 1_000 + index));
    return `insert into bulk values\n${rows.join(",\n")};\n`;
  });
  write(join(data, "bulk.sql"), `create table bulk (id bigint primary key, payload text);\n${statements.join("")}`);
  write(join(root, "deploy.sql"), `begin;\n${LOOP.replace("./migrations/%", "./data/%")}commit;\n`);
  return root;
}

/** Plain files in one folder: for psql and the bare script. */
export function plainFiles(root, count) {
  const path = folder(root);
  for (const file of files(count)) write(join(path, file.name), file.sql);
  return files(count).map((file) => join(path, file.name));
}

export function nodePgMigrateFolder(root, count) {
  const path = folder(root);
  files(count).forEach((file, index) => {
    write(
      join(path, `${1_600_000_000_000 + index}_m${file.name}`),
      `-- Up Migration\n${file.sql}\n-- Down Migration\n`,
    );
  });
  return path;
}

export function knexFolder(root, count) {
  const sql = folder(root, "sql");
  const migrations = folder(root, "migrations");
  for (const file of files(count)) {
    write(join(sql, file.name), file.sql);
    write(
      join(migrations, `2026${file.name.replace(".sql", ".cjs")}`),
      `const { readFileSync } = require("node:fs");
exports.up = (knex) => knex.raw(readFileSync(${JSON.stringify(join(sql, file.name))}, "utf8").replaceAll("?", "\\\\?"));
exports.down = () => {};
`,
    );
  }
  write(
    join(root, "knexfile.cjs"),
    `module.exports = { client: "pg", connection: process.env.DATABASE_URL, migrations: { directory: ${JSON.stringify(migrations)}, loadExtensions: [".cjs"] } };\n`,
  );
  return root;
}

export function graphileMigrateFolder(root, count) {
  const committed = folder(root, "migrations", "committed");
  let previous = "-";
  files(count).forEach((file, index) => {
    const body = `${file.sql.trim()}\n`;
    const before = previous === "-" ? "" : previous;
    const hash = `sha1:${createHash("sha1")
      .update(`${`${before}\n${body.trim()}`.trim()}\n`)
      .digest("hex")}`;
    write(
      join(committed, `${String(index + 1).padStart(6, "0")}.sql`),
      `--! Previous: ${previous}\n--! Hash: ${hash}\n\n${body}`,
    );
    previous = hash;
  });
  write(join(root, "migrations", "current.sql"), "");
  write(join(root, ".gmrc"), "{}\n");
  return root;
}

export function drizzleFolder(root, count, databaseUrl) {
  const out = folder(root, "drizzle");
  const meta = folder(out, "meta");
  const entries = files(count).map((file, index) => {
    const tag = `${String(index).padStart(4, "0")}_m`;
    write(join(out, `${tag}.sql`), file.sql);
    return { idx: index, version: "7", when: 1_600_000_000_000 + index, tag, breakpoints: true };
  });
  write(join(meta, "_journal.json"), JSON.stringify({ version: "7", dialect: "postgresql", entries }));
  write(
    join(root, "drizzle.config.json"),
    JSON.stringify({
      dialect: "postgresql",
      out: "./drizzle",
      schema: "./schema.ts",
      dbCredentials: { url: databaseUrl },
    }),
  );
  write(join(root, "schema.ts"), "export {};\n");
  return root;
}

export function dbmateFolder(root, count) {
  const path = folder(root);
  files(count).forEach((file, index) => {
    write(join(path, `${20_260_101_000_000 + index}_m.sql`), `-- migrate:up\n${file.sql}\n-- migrate:down\n`);
  });
  return path;
}
