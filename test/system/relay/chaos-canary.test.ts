/**
 * Marked secrets and marked payloads through every way a relay knows, and then a look at everything that anybody may get
 * to see: logs, tables, metrics, status, support bundle, process list, the server's log. Each look is tried with a mark
 * planted where it looks, so that a search that finds nothing has searched.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { freePort } from "../../support/free-port.ts";
import { pgkeep, pgkeepStarted } from "../../support/pgkeep.ts";
import { until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";
import { startWebServer, type WebServer } from "../../support/web-server.ts";

const mark = (of: string) => `canary-${of}-${randomBytes(6).toString("hex")}`;

/** By where each comes from. */
const SECRETS = {
  database: mark("database"),
  signing: mark("signing"),
  file: mark("file"),
  url: mark("url"),
  broker: mark("broker"),
  incoming: mark("incoming"),
  metrics: mark("metrics"),
};
const PAYLOAD = mark("payload");
const HEADER = mark("header");

/** As it is, and in the spellings that it might travel in. */
function spellings(text: string): string[] {
  const bytes = Buffer.from(text);
  // Inside of a longer text the ends of base64 differ; three shifts less their ends cover that.
  const shifted = ["", "x", "xx"].map((before) =>
    Buffer.from(before + text)
      .toString("base64")
      .slice(4, -6),
  );
  return [text, bytes.toString("hex"), ...shifted];
}

/** Which marks stand where. */
function found(places: Readonly<Record<string, string>>, marks: readonly string[]): string[] {
  return Object.entries(places).flatMap(([place, text]) =>
    marks.filter((one) => spellings(one).some((spelling) => text.includes(spelling))).map((one) => `${place}: ${one}`),
  );
}

let cluster: TestCluster;
let tide: Tide;
let echo: WebServer;
let directory: string;
beforeAll(async () => {
  cluster = await startCluster();
  tide = await openTide({ cluster, roles: true });
  await tide.run(`create role canary login password '${SECRETS.database}' in role tide_relay`);
  echo = await startWebServer({
    answer: ({ url, headers, body }) => ({
      status: url === "/good" ? 200 : url === "/away" ? 503 : 422,
      headers: { "x-echo": Buffer.from(JSON.stringify(headers)).toString("base64").slice(0, 2_000) },
      body: `${JSON.stringify(headers)} ${body.toString("utf8")}`,
    }),
  });
  directory = mkdtempSync(join(tmpdir(), "pgkeep-canary-"));
  writeFileSync(join(directory, "token"), `${SECRETS.file}\n`, { mode: 0o600 });
  await makePipelines();
});
afterAll(async () => {
  await tide?.session.close();
  await Promise.all([cluster?.stop(), echo?.close(), directory && rm(directory, { recursive: true, force: true })]);
});

async function makePipelines(): Promise<void> {
  await tide.rows("select tide.inbox_create('mail')");
  const at = (path: string) => `${echo.origin}/${path}`;
  const signed = { allow_http: true, signature: { scheme: "hmac-sha256", secret: "${env:SIGNING}" } };
  const headers = { "x-token": `\${file:${directory}/token}` };
  const sinks: Record<string, [type: string, config: Record<string, unknown>]> = {
    good: ["webhook", { url: at("good"), headers, ...signed }],
    refused: ["webhook", { url: at("refused"), headers, ...signed }],
    away: ["webhook", { url: at("away"), headers, ...signed }],
    inbox: ["inbox", { inbox: "mail", postgres_url: "${env:INBOX_URL}" }],
    redis: [
      "redis",
      { url: "redis://127.0.0.1:16399", password: "${env:BROKER}", stream_key: "s", allow_insecure: true },
    ],
    broken: ["webhook", { url: "${env:INBOX_URL}" }],
  };
  for (const [name, [type, config]] of Object.entries(sinks)) {
    await tide.rows("select tide.outbox_create($1)", name);
    const document = { name, outbox: name, sink_type: type, config, retry: { max_retries: 0, backoff_ms: 50 } };
    await tide.rows("select tide.relay_set_outbox_v2($1)", JSON.stringify(document));
    for (let count = 0; count < 3; count++) {
      await tide.rows(
        "select tide.outbox_publish($1, pg_catalog.jsonb_build_object('text', $2::text), pg_catalog.jsonb_build_object('x-note', $3::text))",
        name,
        PAYLOAD,
        HEADER,
      );
    }
  }
}

/** Tables of the schema but for the columns whose business it is to hold events. */
async function dump(): Promise<string> {
  const tables = await tide.session.rows(
    `select c.oid::regclass::text from pg_class as c where c.relnamespace = 'tide'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')`,
  );
  const texts: string[] = [];
  for (const [table] of tables) {
    const rows = await tide.session.rows(
      `select (to_jsonb(t) - '{payload,headers,old_payload,old_headers}'::text[])::text from ${table} as t`,
    );
    texts.push(`${table}\n${rows.map(([row]) => row).join("\n")}`);
  }
  return texts.join("\n");
}

/** Command lines and titles of all processes there are, except for this one's. */
function processList(): string {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8") + readFileSync(`/proc/${pid}/comm`, "utf8");
      } catch {
        return "";
      }
    })
    .join("\n");
}

const filesOf = (folder: string): string =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");

describe("[R-05] [R-06] [R-21] marked secrets and payloads", () => {
  it("stand nowhere after they went through a relay, and would have been found", async () => {
    const listening = `127.0.0.1:${await freePort()}`;
    const receiver = {
      name: "receiver",
      inbox: "mail",
      source: "webhook",
      config: { listen_addr: listening, signature_scheme: "hmac-sha256", signature_secret: "${env:INCOMING}" },
    };
    await tide.rows("select tide.relay_set_inbox_v2($1)", JSON.stringify(receiver));
    const env = {
      PGHOST: cluster.host,
      PGPORT: String(cluster.port),
      PGDATABASE: tide.database,
      PGUSER: "canary",
      PGPASSWORD: SECRETS.database,
      SIGNING: SECRETS.signing,
      BROKER: SECRETS.broker,
      INCOMING: SECRETS.incoming,
      METRICS: SECRETS.metrics,
      INBOX_URL: `postgresql://canary:${SECRETS.url}@127.0.0.1:${cluster.port}/${tide.database}?sslmode=disable`,
    };
    const permitted = ["--ssrf-allow", "127.0.0.0/8", "--allow-insecure", "--secret-root", directory];
    const places: Record<string, string> = {};

    const started = pgkeepStarted(
      [
        ...["relay", "run", "--metrics-addr", "127.0.0.1:0", "--metrics-token", "${env:METRICS}", ...permitted],
        ...["--log-format", "json", "--log-level", "debug"],
      ],
      { env },
    );
    let log = "";
    started.child.stderr?.on("data", (chunk: string) => {
      log += chunk;
    });
    try {
      const dead = async () =>
        Number(await tide.one("select count(*) from tide.relay_dlq where pipeline_name = 'refused'"));
      await until("what is refused is dead", async () => (await dead()) === 3);
      const fails = (name: string) =>
        log.split("\n").some((line) => line.includes(`"${name}"`) && line.includes(`"error_code":"PGTIDE_`));
      await until("the others say what is wrong", () => ["away", "inbox", "redis", "broken"].every(fails));
      await until("it listens", () => /127\.0\.0\.1:\d+/.test(log));
      await fetch(`http://${listening}/`, {
        method: "POST",
        headers: { "x-signature-256": `sha256=${SECRETS.incoming}` },
        body: JSON.stringify({ text: PAYLOAD }),
      }).catch(() => undefined);
      const address = [...log.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([found]) => found);
      for (const path of ["/metrics", "/status", "/livez", "/readyz"]) {
        for (const host of new Set(address)) {
          const answer = await fetch(`http://${host}${path}`, {
            headers: { authorization: `Bearer ${SECRETS.metrics}` },
          }).catch(() => undefined);
          places[`http ${host}${path}`] = (await answer?.text()) ?? "";
        }
      }
      places["process list"] = processList();
    } finally {
      started.child.kill("SIGTERM");
      const { stdout, stderr } = await started.finished;
      places["json log"] = stdout + stderr;
    }
    expect(
      Object.entries(places).filter(([name, text]) => name.endsWith("/metrics") && text.includes("pg_tide_")),
    ).toHaveLength(1);

    const bundle = join(directory, "bundle");
    mkdirSync(bundle);
    const commands: string[][] = [
      ["relay", "run", "--until-idle", "--group", "second", "--log-level", "debug", ...permitted],
      ["relay", "status"],
      ["relay", "status", "--json"],
      ["relay", "history", "refused"],
      ["relay", "dlq", "list"],
      ["relay", "dlq", "list", "--json"],
      ["relay", "config", "export"],
      ["relay", "support", bundle],
    ];
    for (const words of commands) {
      const limit = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 5_000));
      const running = pgkeepStarted(words, { env });
      const ended = await Promise.race([running.finished, limit]);
      if (ended === undefined) running.child.kill("SIGTERM");
      const { stdout, stderr } = await running.finished;
      places[words.join(" ")] = stdout + stderr;
    }
    places["support bundle"] = filesOf(bundle);
    places.tables = await dump();
    places["server log"] = readFileSync(cluster.logFile, "utf8");
    const secretsInEvents = await tide.one(
      "select string_agg(coalesce(headers::text, '') || payload::text, ' ') from tide.relay_dlq",
    );
    expect(found({ ...places, "dead letters": secretsInEvents ?? "" }, Object.values(SECRETS))).toEqual([]);
    expect(found(places, [PAYLOAD, HEADER])).toEqual([]);
    expect(places["json log"]).toContain("refused");
    expect(secretsInEvents).toContain(PAYLOAD);

    // The positive control: a mark put where each look goes is found.
    const planted = mark("planted");
    await tide.rows("insert into tide.settings (key, value) values ('planted', $1)", planted);
    await tide.run(`do $$ begin raise log 'planted %', '${planted}'; end $$`);
    const idle: ChildProcess = spawn(process.execPath, ["-e", "setTimeout(() => {}, 30000)", planted], {
      stdio: "ignore",
    });
    writeFileSync(join(bundle, "planted.json"), JSON.stringify(Buffer.from(`{"is": "${planted}"}`).toString("base64")));
    try {
      await until("it is started", () => processList().includes(planted));
      const controls = {
        tables: await dump(),
        "server log": readFileSync(cluster.logFile, "utf8"),
        "process list": processList(),
        "support bundle": filesOf(bundle),
      };
      expect(found(controls, [planted])).toEqual(Object.keys(controls).map((place) => `${place}: ${planted}`));
      const status = await pgkeep(["relay", "status"], { env });
      expect(found({ status: status.stdout + planted }, [planted])).toHaveLength(1);
    } finally {
      idle.kill("SIGKILL");
    }
  });
});
