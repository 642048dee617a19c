/**
 * `npm run demo`: the product in under a minute, with nothing installed but Node.
 *
 * Makes a project, deploys it into a PostgreSQL that it starts for the purpose, shows rows, then breaks the project on
 * purpose and proves that the refused deploy changed nothing: a fingerprint of the catalogs and of every row is the same
 * before and after. Then it gives another database two roles, one that migrates and one that works, has that proved, and
 * tries it by hand as well. It delivers an order as a signed webhook, to a partner that breaks down meanwhile. At last
 * somebody is careless with the server: the audit finds it, what is safe to mend is mended, and the audit proves it.
 * Commands are run as a user runs them, in processes of their own, and shown as they are typed.
 * Everything is in one temporary directory, which is gone at the end, like the server.
 *
 * Ends with 0 only when every claim it prints held.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { bootstrap, ROOT } from "./bootstrap.mjs";
import { startPartner } from "./demo-partner.mjs";

bootstrap();
const begun = performance.now();
// Only now: a fresh clone has no packages before.
const { default: pg } = await import("pg");
const folder = mkdtempSync(join(tmpdir(), "pgkeep-demo-"));
// Started by root, the server runs as another account, which has to enter.
chmodSync(folder, 0o711);

/** By name of variable; a model refers to them. */
const SECRETS = { MIGRATOR_PASSWORD: "changes-the-schema", APP_PASSWORD: "only-uses-the-data" };

try {
  await demo();
} finally {
  await run("pgkeep", ["db", "stop"]).catch(() => undefined);
  rmSync(folder, { recursive: true, force: true });
}

async function demo() {
  mkdirSync(join(folder, "bin"));
  symlinkSync(join(ROOT, "bin/pgkeep.js"), join(folder, "bin/pgkeep"));

  scene("a PostgreSQL to try things on: a socket in a private directory, a random password");
  const started = await pgkeep(["db", "start", "--json"], { show: "pgkeep db start", quiet: true });
  const { data } = JSON.parse(started.stdout);
  say(`PostgreSQL ${data.version} in ${data.data_dir.replace(folder, ".")}`);

  scene("a project: SQL files, a deploy.sql that decides, tests beside them");
  await pgkeep(["init", "shop"]);

  scene("deploy it; the tests are the gate");
  await pgkeep(["deploy", "shop", "--embedded", "-d", "shop", "--param", "admin_email=you@example.com"]);

  scene("what is in the database now");
  await withDatabase(data.url, showRows);
  const before = await withDatabase(data.url, fingerprint);

  scene("a wrong change: a new table, and a test that finds the mistake");
  breakProject();
  const refused = await pgkeep(["deploy", "shop", "--embedded", "-d", "shop"], { expect: 13 });
  check(refused.code === 13, "the deploy ended with 13, tests failed");

  const after = await withDatabase(data.url, fingerprint);
  check(before.hash === after.hash, "catalogs and rows have the same fingerprint as before");
  say(`  before  ${before.hash}  ${before.objects} objects, ${before.rows} rows`);
  say(`  after   ${after.hash}  ${after.objects} objects, ${after.rows} rows`);

  scene("mend it, and try it without keeping anything");
  mendProject();
  await pgkeep(["test", "shop", "--embedded", "-d", "shop", "--with-deploy"]);
  const tested = await withDatabase(data.url, fingerprint);
  check(before.hash === tested.hash, "pgkeep test kept nothing");

  await accessScenes(data.url);
  await relayScenes(data.url);
  await auditScenes(data.url);

  scene("leave nothing behind");
  await pgkeep(["db", "stop"]);
  check(!(await isListening(data.url)), "the server is gone");
  say(`\n${((performance.now() - begun) / 1000).toFixed(1)} s, and every line above held.`);
}

/** One role that changes the schema, one that only works with the data: made, proved, tried, and kept so. */
async function accessScenes(url) {
  scene("another database, with a role that migrates and a role that works");
  const roles = ["--migration-role", "shop_migrator", "--app-role", "shop_app"];
  const passwords = ["--migration-password", `\${env:MIGRATOR_PASSWORD}`, "--app-password", `\${env:APP_PASSWORD}`];
  const words = ["access", "bootstrap", "access.yaml", "--embedded", "-d", "orders", ...roles, ...passwords, "--yes"];
  await pgkeep(words, { env: SECRETS, quiet: true });
  check(readFileSync(join(folder, "access.yaml"), "utf8").includes("database: orders"), "the model is in access.yaml");

  const asMigrator = { user: "shop_migrator", password: SECRETS.MIGRATOR_PASSWORD, database: "orders" };
  const asApplication = { user: "shop_app", password: SECRETS.APP_PASSWORD, database: "orders" };
  await withDatabase(url, (client) => client.query("create table app.orders (id int, item text)"), asMigrator);

  scene("the proof: every role tries everything, and all of it is rolled back");
  const verified = await pgkeep(["access", "verify", "--embedded"], { env: SECRETS, quiet: true });
  say(verified.stdout.trimEnd().split("\n").at(-1));
  check(verified.stdout.includes(" 0 failed, 0 unknown"), "no probe failed, and none stayed open");

  scene("try it: the application cannot alter, drop or create; the migrator can");
  const definitions = [
    "alter table app.orders add column note text",
    "create table app.mine (id int)",
    "create schema mine",
    "drop table app.orders",
  ];
  const works = "insert into app.orders (id, item) values (1, 'tea')";
  await withDatabase(url, (client) => allow(client, works), asApplication);
  for (const sql of definitions) await withDatabase(url, (client) => refuse(client, sql), asApplication);
  for (const sql of definitions) await withDatabase(url, (client) => allow(client, sql), asMigrator);

  scene("somebody grants something by hand: seen, and put right");
  await withDatabase(url, (client) => client.query("grant create on schema app to shop_app"), { database: "orders" });
  await pgkeep(["access", "drift", "--embedded"], { env: SECRETS, expect: 20 });
  await pgkeep(["access", "apply", "--embedded", "--yes"], { env: SECRETS });
  await withDatabase(url, (client) => refuse(client, "create table app.again (id int)"), asApplication);
}

/** What somebody did in a hurry: found, mended as far as that is safe, found again no more. */
async function auditScenes(url) {
  scene("somebody in a hurry weakens the server");
  const careless = [
    "alter system set standard_conforming_strings = off",
    "alter system set zero_damaged_pages = on",
    "select pg_reload_conf()",
    "grant create on schema public to public",
    "grant select on pg_authid to shop_app",
    "create function app.totals() returns bigint language sql security definer as 'select 42'",
    "alter function app.totals() owner to orders_owner",
  ];
  await withDatabase(
    url,
    async (client) => {
      for (const sql of careless) {
        say(`orders=# ${sql};`);
        await client.query(sql);
      }
    },
    { database: "orders" },
  );

  scene("the audit: the worst three");
  const place = ["--embedded", "-d", "orders", "--this-database"];
  const audit = async () => {
    const { stdout } = await pgkeep(["audit", ...place, "--json"], {
      show: `pgkeep audit ${place.join(" ")}`,
      quiet: true,
      expect: 20,
    });
    const { overall, findings } = JSON.parse(stdout).data;
    say(`  ${overall.grade} ${overall.score}, ${findings.length} findings`);
    return findings;
  };
  for (const { severity, check: id, title, object } of (await audit()).slice(0, 3)) {
    say(`  ${severity.toUpperCase().padEnd(8)} ${id}  ${title}: ${object}`);
  }

  scene("apply what is safe; it is audited again by itself");
  const fix = ["audit", "fix", ...place, "--apply", "--yes"];
  await pgkeep([...fix, "--save-undo", "undo.sql"]);
  const undo = readFileSync(join(folder, "undo.sql"), "utf8");
  check(undo.includes("alter system set zero_damaged_pages"), "undo.sql takes it back");

  scene("what somebody may be using is done when a person says so");
  await pgkeep([...fix, "--max-risk", "medium", "--save-undo", "undo-medium.sql"]);
  const end = (await audit()).map((finding) => finding.check);
  check(
    !["PRV-001", "PRV-013", "VER-006", "VER-010", "FUN-005"].some((id) => end.includes(id)),
    "settings and privileges are back: none of it is found any more",
  );
  check(end.includes("FUN-001"), "what takes a person is still reported: FUN-001, the function has no search_path");
}

/** An order becomes a signed request; the partner breaks down; in the end nothing is left undelivered. */
async function relayScenes(url) {
  scene("events: an outbox in the database, a signed webhook to a partner, a role that may deliver");
  const secret = `whsec_${randomBytes(24).toString("base64")}`;
  const password = randomBytes(16).toString("hex");
  const partner = await startPartner(secret);
  const variables = { WEBHOOK_SECRET: secret, PGPASSWORD: password };
  await pgkeep(["relay", "install", "--embedded", "-d", "shop", "--roles"]);
  await withDatabase(url, (client) => makePipeline(client, { address: partner.url, password }));
  const host = new URL(url).searchParams.get("host");
  const place = ["-h", host, "-U", "shop_relay", "-d", "shop"];
  const words = ["relay", "run", ...place, "--metrics-addr", "off", "--allow-insecure", "--ssrf-allow", "127.0.0.1/32"];
  const relay = startRelay(words, variables);
  try {
    const early = await Promise.race([relay.ready, relay.ended]);
    if (early) throw new Error(`the relay ended with ${early.code}`);
    await withDatabase(url, (client) => deliverOrders(client, partner));
    await withDatabase(url, (client) => outliveBreakdown(client, partner));
  } finally {
    relay.stop();
    partner.close();
  }
  const { code } = await relay.ended;
  check(code === 0, "the relay, asked to stop, ended with 0");
}

async function makePipeline(client, { address, password }) {
  const config = {
    sink_type: "webhook",
    url: address,
    allow_http: true,
    body: "single",
    signature: { scheme: "standard-webhooks", secret: `\${env:WEBHOOK_SECRET}` },
    retry: { max_retries: 2, backoff_ms: 100 },
  };
  await client.query(`create role shop_relay login password '${password}' in role tide_relay`);
  for (const sql of [
    "create table orders (id int, item text)",
    "select tide.outbox_create('orders')",
    `select tide.relay_set_outbox('orders-webhook', 'orders', '${JSON.stringify(config)}')`,
  ]) {
    say(`shop=> ${sql};`);
    await client.query(sql);
  }
}

/** `pgkeep relay run` until it is stopped; `ready` when it has taken its pipeline over. */
function startRelay(words, variables) {
  say(`$ pgkeep ${words.map(asTyped).join(" ").replace(folder, "$PWD")} &`);
  const stop = new AbortController();
  let taken = () => undefined;
  const ready = new Promise((resolve) => {
    taken = resolve;
  });
  let told = "";
  const onOutput = (text) => {
    process.stdout.write(text);
    told += text;
    if (told.includes("orders-webhook starting")) taken();
  };
  const ended = run("pgkeep", words, { onOutput, variables, signal: stop.signal });
  return { ready, ended, stop: () => stop.abort() };
}

async function deliverOrders(client, partner) {
  scene("an order that is committed is delivered, one that is rolled back never was");
  await order(client, { id: 1, item: "gold" }, "rollback");
  for (const row of [
    { id: 2, item: "tea" },
    { id: 3, item: "rice" },
  ]) {
    const committedAt = await order(client, row, "commit");
    const { at, isGenuine } = await partner.request(({ event }) => event.payload.id === row.id);
    const after = milliseconds(at - committedAt);
    check(isGenuine, `order ${row.id} is with the partner, its signature verified, ${after} after the commit`);
  }
  check(
    partner.requests.every(({ event }) => event.payload.id !== 1),
    "order 1 was never sent",
  );
}

async function outliveBreakdown(client, partner) {
  scene("the partner breaks down: the event waits as a dead letter, and is delivered when it is asked for");
  partner.answer(500);
  const committedAt = await order(client, { id: 4, item: "salt" }, "commit");
  const waiting = "select id from tide.relay_dlq where not resolved";
  const letter = await soon(async () => (await client.query(waiting)).rows[0]);
  const failedMs = performance.now() - committedAt;
  const tries = partner.requests.filter(({ status }) => status === 500).length;
  check(
    letter !== undefined,
    `${tries} attempts, each answered 500, then a dead letter, ${milliseconds(failedMs)} after the commit`,
  );
  await pgkeep(["relay", "dlq", "list", "--embedded", "-d", "shop"]);

  partner.answer(204);
  const retriedAt = performance.now();
  await pgkeep(["relay", "dlq", "retry", letter.id, "--embedded", "-d", "shop"]);
  const { at } = await partner.request(({ event, status }) => event.payload.id === 4 && status === 204);
  check(at > retriedAt, "the mended partner has order 4");
  const keys = new Set(
    partner.requests.filter(({ event }) => event.payload.id === 4).map(({ event }) => event.dedup_key),
  );
  check(keys.size === 1, "every attempt had the same dedup key");
  check(await soon(async () => (await client.query(waiting)).rows.length === 0), "none left");
  await pgkeep(["relay", "dlq", "list", "--embedded", "-d", "shop"]);
}

/** One transaction: the order and the event that tells of it. Returns when its last statement was sent. */
async function order(client, row, end) {
  const statements = [
    "begin",
    `insert into orders values (${row.id}, '${row.item}')`,
    `select tide.outbox_publish('orders', '${JSON.stringify(row)}')`,
    end,
  ];
  say(`shop=> ${statements.join("; ")};`);
  for (const sql of statements.slice(0, -1)) await client.query(sql);
  // Not when the answer is here: the event may be with the partner before that.
  const sentAt = performance.now();
  await client.query(end);
  return sentAt;
}

/** What `look` finds, when it finds something; undefined when that takes more than 10 s. */
async function soon(look) {
  for (const untilMs = performance.now() + 10_000; performance.now() < untilMs; ) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return undefined;
}

function milliseconds(ms) {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

async function allow(client, sql) {
  say(`${client.user}=> ${sql};`);
  await client.query(sql);
  check(true, `${client.user} may`);
}

async function refuse(client, sql) {
  say(`${client.user}=> ${sql};`);
  const error = await client.query(sql).catch((cause) => cause);
  const isRefused = error instanceof Error && error.code === "42501";
  check(isRefused, isRefused ? `${client.user} may not: ${error.message}` : `${client.user} may not`);
}

/** The mistake: a discount that makes an address out of nothing is caught before anything is kept. */
function breakProject() {
  writeFileSync(
    join(folder, "shop/migrations/900_discounts.sql"),
    `create table discounts (id bigint generated always as identity primary key, percent integer not null);
insert into discounts (percent) values (20), (130);
`,
  );
  writeFileSync(
    join(folder, "shop/__test__/test_discounts.sql"),
    `do $$
declare
  wrong integer;
begin
  select count(*) into wrong from discounts where percent not between 0 and 100;
  if wrong > 0 then
    raise exception '% discount(s) are not between 0 and 100 percent', wrong
      using hint = 'Correct migrations/900_discounts.sql.';
  end if;
end $$;
`,
  );
}

function mendProject() {
  writeFileSync(
    join(folder, "shop/migrations/900_discounts.sql"),
    `create table discounts (id bigint generated always as identity primary key, percent integer not null);
insert into discounts (percent) values (20), (30);
`,
  );
}

/** Runs pgkeep as a user would, prints command and output, and ends the demo when the status is another. */
async function pgkeep(
  words,
  { expect = 0, show = `pgkeep ${words.map(asTyped).join(" ")}`, quiet = false, env = {} } = {},
) {
  say(`$ ${show}`);
  const result = await run("pgkeep", words, {
    onOutput: quiet ? undefined : (text) => process.stdout.write(text),
    variables: env,
  });
  if (result.code !== expect) {
    throw new Error(`"${show}" ended with ${result.code} instead of ${expect}\n${quiet ? result.stderr : ""}`);
  }
  return result;
}

/** In quotes where a shell would change it. */
function asTyped(word) {
  return /^[\w./@:=+-]+$/.test(word) ? word : `'${word}'`;
}

function run(program, words, { onOutput = () => undefined, variables = {}, signal } = {}) {
  const env = {
    PATH: [join(folder, "bin"), process.env.PATH].join(delimiter),
    HOME: folder,
    LANG: process.env.LANG ?? "C.UTF-8",
    ...variables,
  };
  const child = spawn(program, words, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  signal?.addEventListener("abort", () => child.kill("SIGTERM"));
  const text = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"]) {
    child[stream].setEncoding("utf8").on("data", (chunk) => {
      text[stream] += chunk;
      onOutput(chunk);
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...text }));
  });
}

/** Runs `use` on a database of the server that `url` names, as `as` or as its superuser, whose password file the URL names. */
async function withDatabase(url, use, as = {}) {
  const settings = new URL(url).searchParams;
  const [line = ""] = readFileSync(settings.get("passfile"), "utf8").split("\n");
  const client = new pg.Client({
    host: settings.get("host"),
    port: Number(settings.get("port")),
    user: settings.get("user"),
    password: line.slice(line.lastIndexOf(":") + 1),
    database: "shop",
    ...as,
  });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function showRows(client) {
  const sql = 'select id, email, name from "user" order by id limit 5';
  say(`shop=> ${sql};`);
  const { rows } = await client.query(sql);
  for (const row of rows) say(`  ${Object.values(row).join(" | ")}`);
  check(rows.length > 0, `${rows.length} row(s)`);
}

/** One hash over every object of the user's schemas and every row of their tables. */
async function fingerprint(client) {
  const userSchemas = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";
  const { rows: objects } = await client.query(`
    select format('%s %s.%s %s %s', c.relkind, n.nspname, c.relname, c.relacl,
                  (select string_agg(format('%s %s %s', a.attname, a.atttypid, a.attnotnull), ',' order by a.attnum)
                     from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0)) as object
      from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where ${userSchemas}
    union all
    select format('f %s.%s %s %s', n.nspname, p.proname, md5(pg_get_functiondef(p.oid)), p.proacl)
      from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
     where ${userSchemas} and p.prokind in ('f', 'p')
    order by 1`);
  const { rows: tables } = await client.query(`
    select format('%I.%I', n.nspname, c.relname) as name
      from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where ${userSchemas} and c.relkind = 'r' order by 1`);
  const contents = [];
  for (const { name } of tables) {
    const { rows } = await client.query(`select t::text as row from ${name} as t order by 1`);
    contents.push(...rows.map(({ row }) => `${name} ${row}`));
  }
  const lines = [...objects.map(({ object }) => object), ...contents];
  const { rows } = await client.query("select md5($1) as hash", [lines.join("\n")]);
  return { hash: rows[0].hash, objects: objects.length, rows: contents.length };
}

async function isListening(url) {
  return await withDatabase(url, () => true).catch(() => false);
}

function scene(title) {
  say(`\n-- ${title}`);
}

function check(holds, claim) {
  say(`${holds ? "✓" : "✗"} ${claim}`);
  if (!holds) throw new Error(`the demo's claim did not hold: ${claim}`);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
