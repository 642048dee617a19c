/** pg_tide's own command line: grammar, precedence of settings, envelope, three exit statuses. */
import { chmod, mkdtemp, readdir, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../src/pg/session.ts";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { BIN, pgkeep } from "../../support/pgkeep.ts";
import { installTide } from "../../support/tide.ts";

const PAYLOAD_CANARY = "canary-payload-6b1";
const SECRET_CANARY = "canary-secret-2f40";

let cluster: TestCluster;
let session: Session;
let url: string;
let directory: string;
const printed: string[] = [];

beforeAll(async () => {
  cluster = await sharedCluster();
  const database = await cluster.createDatabase();
  session = await connectTo(cluster, { database });
  await installTide(session);
  url = `${cluster.url(database)}?sslmode=disable`;
  directory = await mkdtemp(join(tmpdir(), "pgkeep-tide-"));
  await session.query("select tide.outbox_create('orders')");
  await session.query(
    `select tide.relay_set_outbox('orders-out', 'orders', '{"sink_type": "stdout", "password": "\${env:X_SECRET}"}'::jsonb - 'password')`,
  );
  await session.query("select tide.outbox_publish('orders', $1::jsonb)", [JSON.stringify({ a: PAYLOAD_CANARY })]);
  await session.query(
    `insert into tide.relay_outbox_config (name, enabled, config) values ('inline', false, $1::jsonb)`,
    [
      JSON.stringify({
        source_type: "outbox",
        source: { outbox: "orders" },
        sink_type: "nats",
        sink: { token: SECRET_CANARY },
      }),
    ],
  );
});

afterAll(async () => {
  await session?.close();
});

async function tide(words: string[], env: Record<string, string> = { PG_TIDE_POSTGRES_URL: url }) {
  const finished = await pgkeep(["pg-tide", ...words], { env, cwd: directory });
  printed.push(finished.stdout, finished.stderr);
  return finished;
}

const json = async (words: string[]) => JSON.parse((await tide(["--output", "json", ...words])).stdout);

describe("pg-tide", () => {
  it("[relay 10] answers in an envelope of version 1", async () => {
    const status = await json(["status"]);
    expect(status).toMatchObject({ schema_version: 1, command: "status", ok: true, error: null });
    expect(status.data.pipelines[0]).toMatchObject({ pipeline_id: "inline", health: "disabled" });
    const doctor = await json(["doctor"]);
    expect(doctor.data).toMatchObject({ schema: { status: "ok" }, pipelines: { count: 2 } });
    expect(await json(["config", "validate", "--pipeline", "orders-out"])).toMatchObject({
      data: { pipeline: "orders-out", direction: "forward", enabled: true, valid: true },
    });
    expect(await json(["maintenance", "sweep", "--dry-run"])).toMatchObject({
      data: {
        outboxes: [{ outbox: "orders", affected_rows: 0, completed_batches: 1 }],
        total_deleted: 0,
        dry_run: true,
      },
    });
  });

  it("[relay 10] exports configurations with references and without secrets", async () => {
    const { data } = await json(["config", "export"]);
    expect(data).toMatchObject({ schema_version: 1 });
    expect(data.pipelines.map(({ name }: { name: string }) => name)).toEqual(["inline", "orders-out"]);
    expect(JSON.stringify(data)).not.toContain(SECRET_CANARY);
  });

  it("[relay 1] ends with 1 and a machine code when something failed, with 2 when it could not be read", async () => {
    const failed = await tide(["--output", "json", "config", "validate", "--pipeline", "nope"]);
    expect(failed.status).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      ok: false,
      data: null,
      error: {
        code: "PGTIDE_PIPELINE_NOT_FOUND",
        component: "pipeline",
        likely_cause: expect.any(String),
        next_action: expect.any(String),
      },
    });
    for (const words of [
      ["bogus"],
      ["status", "--bogus"],
      ["history"],
      ["--drain-timeout", "x"],
      ["replay", "preview"],
    ])
      expect((await tide(words)).status, words.join(" ")).toBe(2);
    expect((await tide(["status"], {})).status).toBe(2);
    const away = await tide(["status"], { PG_TIDE_POSTGRES_URL: "postgres://a:b@127.0.0.1:1/x?sslmode=disable" });
    expect([away.status, away.stderr]).toEqual([1, expect.stringContaining("PGTIDE_POSTGRES_UNAVAILABLE")]);
  });

  it("[R-14] runs by default, and not as a superuser", async () => {
    const { status, stderr } = await tide([]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("PGTIDE_POSTGRES_AUTHORIZATION")]);
  });

  it("prints events as JSON lines for a replay, because that is what it is asked for", async () => {
    const { stdout } = await pgkeep(["pg-tide", "replay", "preview", "--outbox", "orders"], {
      env: { PG_TIDE_POSTGRES_URL: url },
    });
    expect(JSON.parse(stdout.trim())).toMatchObject({ outbox: "orders", payload: { a: PAYLOAD_CANARY } });
  });

  it("[relay 10] writes a support bundle of five files and a manifest", async () => {
    const { status } = await tide(["support-bundle", "--output-dir", directory]);
    expect(status).toBe(0);
    expect((await readdir(directory)).filter((name) => name.endsWith(".json")).sort()).toEqual([
      ...["doctor.json", "error-codes.json", "manifest.json", "metrics-metadata.json", "status.json", "versions.json"],
    ]);
  });

  it("is the same under its own name", async () => {
    const link = join(directory, "pg-tide");
    await symlink(BIN, link);
    const { status, stdout } = await pgkeep(["--version"], { bin: link });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^pg-tide \S+ \(pgkeep\)\n$/)]);
  });
});

describe("the settings of pg-tide", () => {
  const file = async (name: string, text: string, mode = 0o600): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, text);
    await chmod(path, mode);
    return path;
  };

  it("[relay 10] come from flags before variables before the TOML file", async () => {
    const toml = await file("a.toml", `postgres_url = "postgres://nobody@127.0.0.1:1/none?sslmode=disable"\n`);
    expect((await tide(["--config", toml, "status"], {})).stderr).toContain("PGTIDE_POSTGRES_UNAVAILABLE");
    expect((await tide(["--config", toml, "status"])).status).toBe(0);
    const flag = await tide(["status", "--postgres-url", url], { PG_TIDE_POSTGRES_URL: "postgres://x@127.0.0.1:1/n" });
    expect(flag.status).toBe(0);
    const oldest = await tide(["status"], { PGTRICKLE_RELAY_POSTGRES_URL: url });
    expect(oldest.status).toBe(0);
  });

  it("[relay 10] take the URL from a file before anything else, and references inside of it", async () => {
    const path = await file("url", `${url.replace(cluster.password, "${ENV:DB_PASS}")}\n`);
    const env = { PG_TIDE_POSTGRES_URL: "postgres://x@127.0.0.1:1/n", DB_PASS: cluster.password };
    expect((await tide(["--postgres-url-file", path, "status"], env)).status).toBe(0);
    const missing = await tide(["--postgres-url-file", path, "status"], {});
    expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining("DB_PASS")]);
  });

  it("[R-22] are not taken from a file that others can write", async () => {
    const toml = await file("open.toml", `relay_group_id = "a"\n`, 0o666);
    const { status, stderr } = await tide(["--config", toml, "status"]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("can be written by other users")]);
    const path = await file("open-url", url, 0o622);
    expect((await tide(["--postgres-url-file", path, "status"])).stderr).toContain("can be written by other users");
  });

  it("[relay 10] are read strictly: unknown keys, zeros, pipelines and other schemes are refused, never repeated", async () => {
    for (const [text, part] of [
      [`log_leve = "info"`, "did you mean log_level"],
      ["max_connections = 0", "must not be 0"],
      [`[[pipeline]]\nname = "x"`, "pipelines are no longer read"],
      [`relay_group_id = 5`, "must be a text"],
      [`postgres_url = "${SECRET_CANARY}`, "cannot be read"],
    ] as const) {
      const { status, stderr } = await tide(["--config", await file("bad.toml", text), "status"]);
      expect([status, stderr], text).toEqual([1, expect.stringContaining(part)]);
    }
    expect((await tide(["status", "--postgres-url", `mysql://u:${SECRET_CANARY}@h/d`])).stderr).toContain(
      "no postgres://",
    );
    expect((await tide(["status", "--postgres-url", `${url.replace("disable", "prefer")}`])).stderr).toContain(
      "sslmode",
    );
    const catalogOnly = await tide(["--config-mode", "catalog_only", "--config", await file("c.toml", ""), "status"]);
    expect(catalogOnly.status).toBe(1);
  });

  it("print the SQL for pipelines of an older file", async () => {
    const toml = await file("old.toml", `[[pipeline]]\nname = "a'b"\noutbox = "orders"\nsink_type = "stdout"\n`);
    const { status, stdout } = await tide(["migrate-config", "--config", toml], {});
    expect([status, stdout]).toEqual([
      0,
      `select tide.relay_set_outbox_v2('{"name":"a''b","outbox":"orders","sink_type":"stdout"}'::jsonb);\n`,
    ]);
  });

  it("[relay 3.9] make, pause, resume and cancel backfill jobs", async () => {
    const made = await json([
      "backfill",
      "create",
      "again",
      "--outbox",
      "orders",
      "--to-id",
      "1",
      "--chunk-size",
      "10",
    ]);
    expect(made).toMatchObject({ command: "backfill create", ok: true, data: { job_name: "again" } });
    const statusOf = async () =>
      (
        await session.query(
          "select status, from_id, to_id, chunk_size from tide.backfill_jobs where job_name = 'again'",
        )
      )[0];
    expect(await statusOf()).toEqual({ status: "pending", from_id: "0", to_id: "1", chunk_size: "10" });
    for (const [action, status] of [
      ["pause", "paused"],
      ["resume", "pending"],
    ]) {
      expect(await json(["backfill", action ?? "", "again"])).toMatchObject({ ok: true, data: { action } });
      expect(await statusOf()).toMatchObject({ status });
    }
    expect((await tide(["backfill", "cancel", "again"])).status).toBe(0);
    expect((await tide(["backfill", "pause", "again"])).status).toBe(1);
    expect((await tide(["backfill", "create", "again"])).stderr).toContain("--outbox");
    expect((await tide(["backfill", "pause"])).status).toBe(2);
  });

  it("[relay 3.9] say whether a template can be filled", async () => {
    await session.query('select tide.relay_template_create(\'mine\', \'{"sink_type": "nats", "url": "{{server}}"}\')');
    const filled = await tide(["template", "validate", "mine", "--overrides", '{"server": "nats://n"}']);
    expect([filled.status, filled.stdout]).toEqual([0, "the template can be filled\n"]);
    const blank = await json(["template", "validate", "mine", "--overrides", '{"other": 1}']);
    expect(blank).toMatchObject({ ok: false, data: { missing_keys: ["server"], invalid_keys: ["other"] } });
    expect((await tide(["template", "validate", "mine", "--overrides", "[]"])).status).toBe(2);
    expect((await tide(["template", "validate", "none"])).status).toBe(1);
  });

  it("[relay 10] export what there is as an AsyncAPI document, and tell drift from what is not documented", async () => {
    const exported = await tide(["asyncapi", "export"]);
    const document = JSON.parse(exported.stdout);
    expect(document).toMatchObject({
      asyncapi: "3.0.0",
      channels: { "outbox.orders": { address: "orders" } },
      operations: { "send.orders-out": { action: "send", channel: { $ref: "#/channels/outbox.orders" } } },
    });
    const validate = async (change: (copy: typeof document) => void) => {
      const copy = structuredClone(document);
      change(copy);
      return await tide(["asyncapi", "validate", "--file", await file("asyncapi.json", JSON.stringify(copy))]);
    };
    expect((await validate(() => undefined)).status).toBe(0);
    const drifted = await validate(({ channels }) => {
      channels["outbox.gone"] = { address: "gone" };
    });
    expect([drifted.status, drifted.stdout]).toEqual([1, expect.stringContaining("channel outbox.gone")]);
    const silent = await validate(({ operations }) => {
      delete operations["send.orders-out"];
    });
    expect([silent.status, silent.stdout]).toEqual([2, expect.stringContaining("operation send.orders-out")]);
    const moved = await validate(({ operations }) => {
      operations["send.orders-out"].channel.$ref = "#/channels/inbox.other";
    });
    expect(moved.status).toBe(1);
    const yaml = await file("asyncapi.yaml", "asyncapi: 2.6.0\nchannels: {}\n");
    expect((await tide(["asyncapi", "validate", "--file", yaml])).stderr).toContain("no AsyncAPI 3 document");
  });

  it("[R-21] and everything else never print a secret or a payload", () => {
    const all = printed.join("\n");
    expect(printed.length).toBeGreaterThan(20);
    for (const canary of [SECRET_CANARY, PAYLOAD_CANARY, cluster.password])
      expect(all.includes(canary), canary).toBe(false);
  });
});
