/**
 * What an operator sees of a relay that is given bad configurations, bad receivers and bad events, all at once: each is
 * told of by its pipeline's name, the pipeline beside them delivers, nothing is lost and nothing secret is shown.
 */
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../src/pg/session.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { needsRoot } from "../../support/needs.ts";
import { type Finished, pgkeep, pgkeepStarted } from "../../support/pgkeep.ts";
import { installTide } from "../../support/tide.ts";
import { startWebServer, type WebAnswer, type WebServer } from "../../support/web-server.ts";

const SECRET = "canary-bad-input-4410f7";
const PASSWORD = "bad-input-password-19";
const PERMITTED = ["--ssrf-allow", "127.0.0.1/32", "--allow-insecure"];

let cluster: TestCluster;
let database: string;
let session: Session;
let web: WebServer;
let directory: string;
const servers: Server[] = [];
const printed: string[] = [];
/** When the throttled receiver was asked, in milliseconds. */
const throttledAt: number[] = [];
let cuts = 0;

beforeAll(async () => {
  cluster = await startCluster();
  database = await cluster.createDatabase();
  session = await connectTo(cluster, { database });
  await installTide(session, { roles: true });
  await session.script(`create role relay_bad login password '${PASSWORD}' in role tide_relay;
    create role reader_bad login password '${PASSWORD}' in role tide_reader;
    create role nobody_bad login password '${PASSWORD}'`);
  web = await startWebServer({ answer: answerOf });
  directory = await mkdtemp(join(tmpdir(), "pgkeep-bad-input-"));
});

afterAll(async () => {
  await session?.close();
  await web?.close();
  for (const server of servers) server.close();
  if (directory) await rm(directory, { recursive: true, force: true });
  await cluster?.stop();
});

function answerOf({ url, headers }: { url: string; headers: Record<string, unknown> }): WebAnswer {
  if (url === "/throttled" && throttledAt.push(Date.now()) <= 2)
    return { status: 429, headers: { "retry-after": "1" } };
  if (url === "/repeats") return { status: 400, body: `\u001b[31m no: ${JSON.stringify(headers)}` };
  if (url === "/refuses") return { status: 401 };
  return {};
}

const env = (more: Record<string, string> = {}) => ({
  PGHOST: cluster.host,
  PGPORT: String(cluster.port),
  PGDATABASE: database,
  PGUSER: "relay_bad",
  PGPASSWORD: PASSWORD,
  TOKEN: SECRET,
  ...more,
});

async function run(words: string[], more: Record<string, string> = {}): Promise<Finished> {
  const finished = await pgkeep(words, { env: env(more) });
  printed.push(finished.stdout, finished.stderr);
  return finished;
}

/** A TCP server that does as told with each connection; its port. */
async function tcpServer(behave: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => behave(socket.on("error", () => undefined)));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Makes an outbox and a webhook pipeline of the same name, with one event in it. */
async function webhook(name: string, config: Record<string, unknown>, event = `{"n":1}`): Promise<void> {
  await pipeline(name, "webhook", { allow_http: true, ...config });
  await session.query("select tide.outbox_publish($1, $2::jsonb)", [name, event]);
}

async function pipeline(name: string, sinkType: string, config: Record<string, unknown>): Promise<void> {
  await session.query("select tide.outbox_create_if_not_exists($1)", [name]);
  const document = { name, outbox: name, sink_type: sinkType, config };
  await session.query("select tide.relay_set_outbox_v2($1::jsonb)", [JSON.stringify(document)]);
}

const signedWith = (secret: string) => ({ url: `${web.origin}/ok`, signature: { scheme: "hmac-sha256", secret } });

const GARBAGE = Buffer.from("\0\xff\x1b[31m::error::\r\n", "latin1");

describe("a relay among bad configurations and bad receivers", () => {
  beforeAll(async () => {
    const [open, link] = [join(directory, "open"), join(directory, "link")];
    await writeFile(open, SECRET);
    await chmod(open, 0o666);
    await symlink("/etc/hostname", link);
    await webhook("good", { url: `${web.origin}/ok` });
    await webhook("unknown-key", { url: `${web.origin}/ok`, urll: 1 });
    await webhook("no-secret", signedWith("${env:NOT_THERE}"));
    await webhook("open-secret", signedWith(`\${file:${open}}`));
    await webhook("outside-secret", signedWith("${file:/etc/hostname}"));
    await webhook("linked-secret", signedWith(`\${file:${link}}`));
    const hanging = await tcpServer(() => undefined);
    await webhook("hangs", { url: `http://127.0.0.1:${hanging}/`, timeout_secs: 1 });
    const raving = await tcpServer((socket) => socket.on("data", () => socket.write(GARBAGE)));
    await webhook("raves", { url: `http://127.0.0.1:${raving}/`, timeout_secs: 1 });
    const cutting = await tcpServer((socket) =>
      socket.once("data", () =>
        ++cuts <= 2
          ? socket.destroy()
          : socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
      ),
    );
    await webhook("cuts", { url: `http://127.0.0.1:${cutting}/` });
    await webhook("throttled", { url: `${web.origin}/throttled` });
    await webhook("repeats", { url: `${web.origin}/repeats`, headers: { authorization: "Bearer ${env:TOKEN}" } });
    await webhook("refuses", { url: `${web.origin}/refuses` });
    await webhook("large", { url: `${web.origin}/ok` }, JSON.stringify({ x: "y".repeat(10 * 1024 * 1024) }));
    await session.query(`select tide.outbox_publish('large', '{"after":"the large one"}')`);
    await webhook("hostile", { url: `${web.origin}/ok`, body: "single" });
    await session.query("select tide.outbox_publish('hostile', '{}', $1::jsonb)", [
      JSON.stringify({
        "x-evil": "a\r\nX-Injected: 1",
        subject: "a\r\nb",
        dedup_key: "k\r\nX-Injected: 1",
        host: "evil",
      }),
    ]);
  });

  const WANTED: Record<string, [state: string, code: string]> = {
    "unknown-key": ["failed", "PGTIDE_PIPELINE_INVALID"],
    "no-secret": ["failed", "PGTIDE_PIPELINE_INVALID"],
    "open-secret": ["failed", "PGTIDE_PIPELINE_INVALID"],
    "outside-secret": ["failed", "PGTIDE_PIPELINE_INVALID"],
    "linked-secret": ["failed", "PGTIDE_PIPELINE_INVALID"],
    hangs: ["retrying", "PGTIDE_CONNECTOR_TIMEOUT"],
    raves: ["retrying", "PGTIDE_CONNECTOR_UNAVAILABLE"],
    refuses: ["failed", "PGTIDE_CONNECTOR_AUTHENTICATION"],
  };

  it("names each with its state and code, delivers what it can, loses nothing, and ends with 0 when told to", async () => {
    const words = ["relay", "run", "--metrics-addr", "127.0.0.1:0", "--log-format", "json", "--secret-root", directory];
    const relay = pgkeepStarted([...words, "--metrics-token", "${env:METRICS}", ...PERMITTED], {
      env: env({ METRICS: "metrics-token-bad-input" }),
    });
    const told: Record<string, string>[] = [];
    relay.child.stderr?.on("data", (text: string) => {
      for (const line of text.split("\n").filter((one) => one.startsWith("{"))) told.push(JSON.parse(line));
    });
    const has = (wanted: Record<string, string>) => () =>
      told.some((entry) => Object.entries(wanted).every(([key, value]) => entry[key] === value));
    for (const [name, [state, code]] of Object.entries(WANTED)) {
      const wanted = { event: "relay.state", pipeline: name, state, error_code: code };
      await expect.poll(has(wanted), { timeout: 15_000, message: JSON.stringify(wanted) }).toBe(true);
    }
    const delivered = ["good", "cuts", "throttled", "hostile"];
    await expect.poll(() => lagOf(delivered), { timeout: 15_000 }).toEqual([]);
    await expect.poll(() => lagOf(["large", "repeats"]), { timeout: 15_000 }).toEqual([]);
    const address = told.find(({ event }) => event === "relay.listening")?.address;
    expect((await fetch(`http://${address}/readyz`)).status).toBe(200);
    const authorization = "Bearer metrics-token-bad-input";
    const status = await (await fetch(`http://${address}/status`, { headers: { authorization } })).text();
    printed.push(status);
    for (const name of ["hangs", "raves", "refuses"])
      expect(JSON.parse(status).pipelines).toContainEqual(
        expect.objectContaining({ pipeline: name, state: expect.stringMatching(/retrying|breaker_open|failed/) }),
      );
    relay.child.kill("SIGTERM");
    const finished = await relay.finished;
    printed.push(finished.stdout, finished.stderr);
    expect(finished.status).toBe(0);
    expect(await lagOf(Object.keys(WANTED))).toEqual(Object.keys(WANTED).sort());
  });

  it("waits as long as a throttling receiver asks", () => {
    const [first = 0, second = 0, third = 0] = throttledAt;
    expect(second - first).toBeGreaterThanOrEqual(950);
    expect(third - second).toBeGreaterThanOrEqual(950);
    expect(throttledAt).toHaveLength(3);
  });

  it("makes a dead letter of the large event alone, and puts no hostile name or value into a header", async () => {
    expect(
      await session.query("select pipeline_name as p, outbox_id is not null as known from tide.relay_dlq order by 1"),
    ).toEqual([
      { p: "large", known: "t" },
      { p: "repeats", known: "t" },
    ]);
    const bodies = web.requests.map(({ body }) => body.toString("utf8"));
    expect(bodies.some((body) => body.includes("the large one"))).toBe(true);
    expect(web.requests.some(({ headers }) => "x-injected" in headers || headers.host === "evil")).toBe(false);
    expect(bodies.filter((body) => body.includes("X-Injected"))).toHaveLength(1);
  });

  it("shows no secret and no control character, whoever repeats them", async () => {
    const listed = await run(["relay", "dlq", "list"]);
    expect(listed.stdout).toContain("repeats");
    await run(["relay", "dlq", "list", "--json"]);
    await run(["relay", "status", "--json"]);
    const all = printed.join("\n");
    expect([all.includes(SECRET), all.includes(PASSWORD), all.includes("\u001b")]).toEqual([false, false, false]);
  });
});

/** The pipelines among `names` that have not recorded all their events. */
async function lagOf(names: readonly string[]): Promise<string[]> {
  const rows = await session.query(
    `select m.outbox_name as name from tide.tide_outbox_messages as m
       left join tide.relay_consumer_offsets as o on o.pipeline_id = m.outbox_name
      where m.id > coalesce(o.last_change_id, 0) and m.outbox_name = any ($1::text[])
      group by 1 order by 1`,
    [`{${names.join(",")}}`],
  );
  return rows.map(({ name }) => name ?? "");
}

describe("a file sink whose disk is full", () => {
  it("keeps whole lines only, retries, and delivers all once there is room", async (test) => {
    needsRoot(test);
    const disk = join(directory, "disk");
    const mount = (...words: string[]) => spawnSync("mount", ["-t", "tmpfs", ...words, "tmpfs", disk]).status;
    spawnSync("mkdir", [disk]);
    expect(mount("-o", "size=16k")).toBe(0);
    try {
      await session.script("delete from tide.relay_outbox_config");
      await pipeline("disk", "file", { path: join(disk, "out.jsonl") });
      await session.query(`
        select tide.outbox_publish('disk', pg_catalog.jsonb_build_object('n', n, 'x', pg_catalog.repeat('y', 1000)))
          from pg_catalog.generate_series(1, 40) as n`);
      const words = ["relay", "run", "--until-idle", "--file-root", disk, "--max-connections", "4"];
      const relay = pgkeepStarted(words, { env: env() });
      let told = "";
      relay.child.stderr?.on("data", (text: string) => {
        told += text;
      });
      await expect.poll(() => told, { timeout: 15_000 }).toMatch(/disk retrying .*the disk is full/);
      expect(mount("-o", "remount,size=1m")).toBe(0);
      expect((await relay.finished).status).toBe(0);
      const lines = spawnSync("cat", [join(disk, "out.jsonl")], { encoding: "utf8" })
        .stdout.trim()
        .split("\n");
      const numbers = lines.map((line) => JSON.parse(line).payload.n);
      expect([...new Set(numbers)]).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    } finally {
      spawnSync("umount", [disk]);
    }
  });
});

describe("a role without rights", () => {
  it.each([["relay run --until-idle"], ["relay status"], ["relay dlq list"], ["relay pipelines list"]])(
    "is told by `%s` that it may not use the schema, and what to grant",
    async (line) => {
      const { status, stderr } = await run(line.split(" "), { PGUSER: "nobody_bad" });
      expect(stderr).toContain('grant tide_reader to "nobody_bad";');
      expect([status, stderr]).toEqual([11, expect.stringContaining("RELAY_RIGHT_MISSING")]);
    },
  );

  it("is told by a run which role it needs", async () => {
    const { status, stderr } = await run(["relay", "run", "--until-idle"], { PGUSER: "reader_bad" });
    expect(stderr).toContain('grant tide_relay to "reader_bad";');
    expect([status, stderr]).toEqual([11, expect.stringContaining("RELAY_RIGHT_MISSING")]);
  });

  it("sees in the status what it may, and is told what it may not", async () => {
    const { status, stdout } = await run(["relay", "status"]);
    expect([status, stdout]).toEqual([0, expect.stringContaining("may not read receipts, so rates are unknown")]);
  });

  it("is given an install that names the database, which holds when pasted", async () => {
    const empty = await cluster.createDatabase("no tide");
    const { status, stderr } = await run(["relay", "status", "-d", empty]);
    expect([status, stderr]).toEqual([10, expect.stringContaining("pgkeep relay install -d 'no tide'")]);
  });

  it("is told that a pipeline whose history it asks for is not there", async () => {
    const superuser = { PGUSER: cluster.superuser, PGPASSWORD: cluster.password };
    await pipeline("shelf", "stdout", {});
    const { status, stderr } = await run(["relay", "history", "shlef"], superuser);
    expect([status, stderr]).toEqual([10, expect.stringContaining("RELAY_PIPELINE_UNKNOWN")]);
    expect(stderr).toContain('Did you mean "shelf"?');
  });
});

describe("many dead letters, and a replay that is interrupted", () => {
  beforeAll(async () => {
    await session.script("delete from tide.relay_outbox_config; delete from tide.relay_dlq");
    await webhook("many", { url: `${web.origin}/repeats` });
    await session.query(
      "select tide.outbox_publish('many', pg_catalog.jsonb_build_object('n', n)) from pg_catalog.generate_series(1, 449) as n",
    );
    expect((await run(["relay", "run", "--until-idle", ...PERMITTED])).status).toBe(0);
    await webhook("many", { url: `${web.origin}/ok` });
  });

  it("previews them, asks for approval, and delivers every one of them before it is idle", async () => {
    const words = ["relay", "dlq", "retry", "--match", "pipeline=many kind=sink_permanent", "--limit", "1000"];
    const preview = JSON.parse((await run([...words, "--preview", "--json"])).stdout);
    expect(preview.data).toMatchObject({ matched: 450, changed: 0 });
    expect((await run(words)).status).toBe(12);
    expect((await run([...words, "--yes"])).stdout).toContain("450 queued");
    expect((await run(["relay", "run", "--until-idle", ...PERMITTED])).status).toBe(0);
    const [left] = await session.query("select count(*) from tide.relay_dlq where not resolved");
    expect(left).toEqual({ count: "0" });
  });

  it("are edited by one of two people who both saw the same version, and the other is told", async () => {
    await session.script("update tide.relay_dlq set resolved = false, resolved_at = null, retried_at = null");
    const [letter] = await session.query("select min(id) as id, min(version) as version from tide.relay_dlq");
    const operator = { PGUSER: cluster.superuser, PGPASSWORD: cluster.password };
    const words = [
      "relay",
      "dlq",
      "edit",
      letter?.id ?? "",
      "--if-version",
      letter?.version ?? "",
      "--reason",
      "typing",
    ];
    const mine = await run([...words, "--payload", '{"n":"mine"}'], operator);
    const yours = await run([...words, "--payload", '{"n":"yours"}'], operator);
    expect([mine.status, yours.status]).toEqual([0, 13]);
    expect(yours.stderr).toContain("edit the version that there is");
    const [kept] = await session.query("select payload from tide.relay_dlq where id = $1", [letter?.id ?? null]);
    expect(kept).toEqual({ payload: '{"n": "mine"}' });
    await session.script("delete from tide.relay_dlq");
  });

  it("ends with 130 and says how far it came", async () => {
    const words = ["relay", "replay", "execute", "--pipeline", "many", "--from-id", "1", "--to-id", "999999", "--yes"];
    const before = web.requests.length;
    const replay = pgkeepStarted([...words, "--batch-size", "1", ...PERMITTED], { env: env() });
    await expect.poll(() => web.requests.length, { timeout: 15_000, interval: 5 }).toBeGreaterThan(before);
    replay.child.kill("SIGINT");
    const { status, stderr, stdout } = await replay.finished;
    expect([status, stdout]).toEqual([130, ""]);
    const sent = Number(/(\d+) events were delivered/.exec(stderr)?.[1]);
    expect(sent).toBe(web.requests.length - before);
    const [left] = await session.query("select count(*) from pg_catalog.pg_stat_activity where usename = 'relay_bad'");
    expect(left).toEqual({ count: "0" });
  });
});

describe("an inbox that the relay's role may not write into", () => {
  it("is answered with 500, and the log has the statement that lets it in", async () => {
    await session.script("delete from tide.relay_outbox_config");
    await session.query("select tide.inbox_create('letters')");
    const source = { name: "post", inbox: "letters", source: "webhook", config: LISTENING };
    await session.query("select tide.relay_set_inbox_v2($1::jsonb)", [JSON.stringify(source)]);
    const first = await posted(`{"n":1}`);
    expect([first.answers, first.status]).toEqual([[500], 0]);
    const grant = /select tide\.inbox_grant_deliver\('letters', 'relay_bad'\);/.exec(first.stderr)?.[0] ?? "";
    await session.query(grant);
    const bodies = [
      `{"n":1}`,
      `{"n":"\\u0000"}`,
      `{"n":"\\ud800"}`,
      Buffer.from([0x22, 0xff, 0xfe, 0x22]),
      "no json",
      "",
    ];
    const second = await posted(...bodies);
    expect([second.answers, second.status]).toEqual([[200, 200, 200, 400, 400, 400], 0]);
    expect(await session.query("select payload from tide.letters_inbox")).toEqual([{ payload: '{"n": 1}' }]);
    const [dead] = await session.query("select count(*) from tide.relay_dlq where pipeline_name = 'post'");
    expect(dead).toEqual({ count: "2" });
  });
});

const LISTENING = { listen_addr: "127.0.0.1:0", path: "/in", allow_unsigned: true };

/** Posts the bodies one after the other to a relay that is started for them. */
async function posted(...bodies: (string | Buffer)[]) {
  const relay = pgkeepStarted(["relay", "run", "--pipeline", "post", "--metrics-addr", "off", ...PERMITTED], {
    env: env(),
  });
  let told = "";
  relay.child.stderr?.on("data", (text: string) => {
    told += text;
  });
  const address = /webhook on (\S+)/;
  await expect.poll(() => told, { timeout: 15_000 }).toMatch(address);
  const answers: number[] = [];
  for (const body of bodies) {
    const answer = await fetch(`http://${address.exec(told)?.[1]}/in`, { method: "POST", body });
    answers.push(answer.status);
  }
  relay.child.kill("SIGTERM");
  return { answers, ...(await relay.finished) };
}

describe("a server that fails over to another", () => {
  it("is followed to the host that takes writes, and what was committed there is delivered", async () => {
    await using other = await startCluster();
    const first = await startCluster();
    for (const each of [first, other]) {
      await using superuser = await connectTo(each, { database: "postgres" });
      await installTide(superuser, { roles: true });
      await superuser.script(`create role relay_bad login password '${PASSWORD}' in role tide_relay`);
      await superuser.query("select tide.outbox_create('moved')");
      const config = { url: `${web.origin}/ok`, allow_http: true, body: "single" };
      const document = { name: "moved", outbox: "moved", sink_type: "webhook", config };
      await superuser.query("select tide.relay_set_outbox_v2($1::jsonb)", [JSON.stringify(document)]);
    }
    await other.sql("alter system set default_transaction_read_only = on");
    await other.reload();
    const hosts = `host=${first.host},${other.host} port=${first.port},${other.port} target_session_attrs=read-write`;
    const words = ["relay", "run", "--metrics-addr", "off", "--connection", `${hosts} dbname=postgres user=relay_bad`];
    const relay = pgkeepStarted([...words, ...PERMITTED], { env: { PGPASSWORD: PASSWORD } });
    const arrived = (note: string) => () => web.requests.some(({ body }) => body.includes(note));
    await first.sql(`select tide.outbox_publish('moved', '{"note":"before the failover"}')`);
    await expect.poll(arrived("before the failover"), { timeout: 15_000 }).toBe(true);
    await first.stop();
    await other.sql("alter system reset default_transaction_read_only");
    await other.reload();
    await using superuser = await connectTo(other, { database: "postgres" });
    await superuser.query("set default_transaction_read_only = off");
    await superuser.query(`select tide.outbox_publish('moved', '{"note":"after the failover"}')`);
    await expect.poll(arrived("after the failover"), { timeout: 30_000 }).toBe(true);
    relay.child.kill("SIGTERM");
    expect((await relay.finished).status).toBe(0);
  });
});
