/** The relay from the command line: runs, ends, refusals, statuses, and nothing secret in anything it prints. */
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../src/pg/session.ts";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { pgkeep, pgkeepStarted } from "../../support/pgkeep.ts";
import { installTide } from "../../support/tide.ts";

const SECRET_CANARY = "canary-secret-5d07e1";
const PAYLOAD_CANARY = "canary-payload-93aa";
const PASSWORD = "relay-password-77f0";

let cluster: TestCluster;
let database: string;
let session: Session;
let receiver: Server;
let receiverUrl: string;
let answerWith = 200;
/** How long the receiver takes, in milliseconds. */
let answerAfter = 0;
const received: string[] = [];
/** Everything that any command of this file printed. */
const printed: string[] = [];

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
  session = await connectTo(cluster, { database });
  await installTide(session, { roles: true });
  await session.script(`create role relay_cli login password '${PASSWORD}' in role tide_relay`);
  receiver = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => received.push(chunk.toString("utf8")));
    request.on("end", () => {
      response.statusCode = answerWith;
      // A receiver that repeats what it was sent, and a secret with it.
      setTimeout(() => response.end(`no: ${SECRET_CANARY} ${request.headers.authorization ?? ""}`), answerAfter);
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const address = receiver.address();
  receiverUrl = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/hook`;
  await session.query("select tide.outbox_create('orders')");
  const sink = {
    sink_type: "webhook",
    url: receiverUrl,
    allow_http: true,
    signature: { scheme: "hmac-sha256", secret: "${env:HOOK_SECRET}" },
  };
  await session.query("select tide.relay_set_outbox('orders-hook', 'orders', $1::jsonb)", [JSON.stringify(sink)]);
});

afterAll(async () => {
  await session?.close();
  await new Promise((resolve) => receiver?.close(resolve));
});

const env = () => ({
  PGHOST: cluster.host,
  PGPORT: String(cluster.port),
  PGDATABASE: database,
  PGUSER: "relay_cli",
  PGPASSWORD: PASSWORD,
  HOOK_SECRET: SECRET_CANARY,
});
const PERMITTED = ["--ssrf-allow", "127.0.0.1/32", "--allow-insecure"];

async function run(words: string[], more: Record<string, string> = {}) {
  const finished = await pgkeep(words, { env: { ...env(), ...more } });
  printed.push(finished.stdout, finished.stderr);
  return finished;
}

const publish = (note: string) =>
  session.query("select tide.outbox_publish('orders', $1::jsonb)", [JSON.stringify({ note, secret: PAYLOAD_CANARY })]);

describe("relay run", () => {
  it("delivers what is due and ends with --until-idle", async () => {
    await publish("one");
    const { status, stdout, stderr } = await run(["relay", "run", "--until-idle", ...PERMITTED]);
    expect(stderr).toContain("1 delivered, 0 dead");
    expect([status, stdout]).toEqual([0, ""]);
    expect(received.join("")).toContain('"one"');
  });

  it("writes one JSON object per line with --log-format json, and its result with --json", async () => {
    await publish("two");
    const { status, stdout, stderr } = await run([
      ...["relay", "run", "--until-idle", "--json", "--log-format", "json", "--log-level", "debug"],
      ...PERMITTED,
    ]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, command: "relay run", data: { delivered: 1 } });
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: "debug",
        event: "relay.batch_settled",
        event_code: "PGTIDE_DELIVERY_TRANSITION",
        stage: "sink_acknowledged",
      }),
    );
  });

  it("[R-01] does not dial a private address that only the pipeline asked for", async () => {
    await publish("three");
    const { status, stderr } = await run(["relay", "run", "--until-idle", "--allow-insecure"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/SSRF|address/i);
  });

  it("[R-06] ends with 23 when events became dead letters, and shows no secret that the receiver repeats", async () => {
    await publish("four");
    answerWith = 422;
    const { status, stdout } = await run(["relay", "run", "--until-idle", "--fail-on-dead", "--json", ...PERMITTED]);
    answerWith = 200;
    expect(status).toBe(23);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: {
        code: "RELAY_DEAD_LETTERS",
        component: "relay",
        likely_cause: expect.any(String),
        next_action: expect.any(String),
      },
    });
    const listed = await run(["relay", "dlq", "list", "--json"]);
    const [letter] = JSON.parse(listed.stdout).data.dead_letters;
    expect(letter).toMatchObject({ pipeline: "orders-hook", kind: "sink_permanent", status: "waiting" });
    const retried = await run(["relay", "dlq", "retry", "--match", "kind=sink_permanent", "--yes"]);
    expect(retried.stdout).toContain("queued");
    await run(["relay", "run", "--until-idle", ...PERMITTED]);
    expect(JSON.parse((await run(["relay", "dlq", "list", "--json"])).stdout).data.dead_letters).toEqual([]);
  });

  it("[R-14] refuses to run as a superuser", async () => {
    const superuser = { PGUSER: cluster.superuser, PGPASSWORD: cluster.password };
    const { status, stderr } = await run(["relay", "run", "--until-idle", ...PERMITTED], superuser);
    expect([status, stderr]).toEqual([10, expect.stringContaining("RELAY_SUPERUSER")]);
    const allowed = await run(["relay", "run", "--until-idle", "--allow-superuser", ...PERMITTED], superuser);
    expect(allowed.status).toBe(0);
  });

  it("refuses a database without the schema, a pipeline that is not there, and a taken port", async () => {
    const empty = await cluster.createDatabase();
    expect((await run(["relay", "run"], { PGDATABASE: empty })).stderr).toContain("RELAY_NOT_INSTALLED");
    expect((await run(["relay", "run", "--pipeline", "nope"])).stderr).toContain("RELAY_PIPELINE_UNKNOWN");
    const { status, stderr } = await run(["relay", "run", "--metrics-addr", new URL(receiverUrl).host]);
    expect([status, stderr]).toEqual([10, expect.stringContaining("RELAY_LISTEN_FAILED")]);
  });

  it("[R-18] serves metrics, reloads on SIGHUP, and ends with 0 on SIGTERM", async () => {
    const { child, finished } = pgkeepStarted(
      ["relay", "run", "--metrics-addr", "127.0.0.1:0", "--metrics-token", "${env:METRICS_TOKEN}", ...PERMITTED],
      { env: { ...env(), METRICS_TOKEN: "metrics-token-2231" } },
    );
    const address = await said(child, /metrics on (\S+)/);
    await said(child, /orders-hook acquired/);
    const get = (path: string, headers = {}) => fetch(`http://${address}${path}`, { headers });
    await expect.poll(async () => (await get("/readyz")).status, { timeout: 10_000 }).toBe(200);
    expect((await get("/metrics")).status).toBe(401);
    child.kill("SIGHUP");
    await publish("five");
    const authorization = "Bearer metrics-token-2231";
    const delivered = /^pg_tide_relay_messages_published_total\{[^}]*pipeline="orders-hook"[^}]*\} 1$/m;
    await expect
      .poll(async () => await (await get("/metrics", { authorization })).text(), { timeout: 10_000 })
      .toMatch(delivered);
    const state = await (await get("/status", { authorization })).text();
    expect(JSON.parse(state)).toMatchObject({ ready: true, pipelines: [{ pipeline: "orders-hook" }] });
    printed.push(state, await (await get("/metrics", { authorization })).text());
    child.kill("SIGTERM");
    const { status, stderr } = await finished;
    printed.push(stderr);
    expect(stderr).toContain("1 delivered");
    expect(status).toBe(0);
  });
});

describe("a relay that cannot finish in time", () => {
  it("ends with 1, names the pipeline, and delivers again with the same id", async () => {
    answerAfter = 4_000;
    received.length = 0;
    await publish("slow");
    const words = ["relay", "run", "--metrics-addr", "off", "--drain-timeout", "200ms"];
    const { child, finished } = pgkeepStarted([...words, ...PERMITTED], { env: env() });
    await expect.poll(() => received.join(""), { timeout: 15_000 }).toContain('"slow"');
    child.kill("SIGTERM");
    const { status, stderr } = await finished;
    printed.push(stderr);
    answerAfter = 0;
    expect([status, stderr]).toEqual([1, expect.stringContaining("RELAY_FORCED")]);
    const [first] = received;
    received.length = 0;
    expect((await run(["relay", "run", "--until-idle", ...PERMITTED])).status).toBe(0);
    const id = (body: string | undefined) => JSON.parse(body ?? "[]")[0].dedup_key;
    expect(id(received[0])).toBe(id(first));
  });
});

/** Waits until the program's stderr matches, and gives the first group. */
function said(child: { stderr: NodeJS.ReadableStream | null }, pattern: RegExp): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not said within 15 s: ${pattern}\n${text}`)), 15_000);
    child.stderr?.on("data", (chunk: string) => {
      text += chunk;
      const found = pattern.exec(text);
      if (!found) return;
      clearTimeout(timer);
      resolve(found[1] ?? "");
    });
  });
}

describe("relay commands", () => {
  it("show status, pipelines, history and configuration", async () => {
    const status = await run(["relay", "status"]);
    expect(status.stdout).toMatch(/^pipeline +state +lag +oldest +out\/s +p95 +dead +last error$/m);
    expect((await run(["relay", "pipelines", "list"])).stdout).toMatch(
      /^orders-hook +forward +yes +orders +webhook +yes$/m,
    );
    expect((await run(["relay", "pipelines", "show", "orders-hook"])).stdout).toContain("${env:HOOK_SECRET}");
    const tested = await run(["relay", "pipelines", "test", "orders-hook", ...PERMITTED]);
    expect(tested.stdout).toContain("nothing was sent");
    expect((await run(["relay", "config", "validate"])).status).toBe(0);
    expect((await run(["relay", "replay", "preview", "--outbox", "orders"])).status).toBe(0);
    expect((await run(["doctor"])).stdout).toContain("has the rights of tide_relay");
  });

  it("deliver a range again without moving the live position", async () => {
    const before = await session.query(
      "select last_change_id from tide.relay_consumer_offsets where relay_group_id = 'default'",
    );
    received.length = 0;
    const words = [
      "relay",
      "replay",
      "execute",
      "--pipeline",
      "orders-hook",
      "--from-id",
      "1",
      "--to-id",
      "2",
      "--yes",
    ];
    const { status, stderr, stdout } = await run([...words, "--json", ...PERMITTED]);
    expect(stderr).toBe("");
    expect([status, JSON.parse(stdout).data.delivered]).toEqual([0, 2]);
    expect(received.join("")).toContain('"outbox_orders:1:0"');
    const after = await session.query(
      "select last_change_id from tide.relay_consumer_offsets where relay_group_id = 'default'",
    );
    expect(after).toEqual(before);
    expect((await run(["relay", "replay", "execute", "--pipeline", "orders-hook", "--to-id", "2"])).stderr).toContain(
      "RELAY_UNAPPROVED",
    );
    expect((await run([...words.slice(0, 5), "--from-id", "900", "--to-id", "901", "--yes"])).stderr).toContain(
      "RELAY_REPLAY_REFUSED",
    );
  });

  it("[R-21] never print a payload or a secret", () => {
    const all = printed.join("\n");
    expect(printed.length).toBeGreaterThan(20);
    for (const canary of [SECRET_CANARY, PAYLOAD_CANARY, PASSWORD, cluster.password, "metrics-token-2231"])
      for (const form of [canary, encodeURIComponent(canary), Buffer.from(canary).toString("base64").slice(0, -3)])
        expect(all.includes(form), form).toBe(false);
  });

  it("tail ends with 0 when its time is over, having shown what came", async () => {
    const { status, stdout } = await run(["relay", "tail", "--from-start", "--timeout", "2s", "--interval", "100ms"], {
      PGUSER: "postgres",
      PGPASSWORD: cluster.password,
    });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/ delivered → webhook .* {2}batch \d+\n/)]);
  });

  it("refuses a --secret-root that is not there, before it connects", async () => {
    const { status, stderr } = await run(["relay", "run", "--until-idle", "--secret-root", "/nowhere/at/all"]);
    expect([status, stderr]).toEqual([10, expect.stringContaining("--secret-root number 1 is no directory")]);
    expect(stderr).not.toContain("/nowhere");
  });

  it("says what to type when an argument is missing, program and all", async () => {
    const { status, stderr } = await run(["relay", "dlq"]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("Write pgkeep relay dlq <action>")]);
    expect((await run(["relay", "dlq", "retr"])).stderr).toContain("Write pgkeep relay dlq retry.");
  });
});
