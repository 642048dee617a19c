/** The relay's commands against a real database: status, pipelines, dead letters, publishing, receiving, upkeep. */
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PgkeepError } from "../../../src/base/errors.ts";
import doctor from "../../../src/operations/doctor.ts";
import config from "../../../src/operations/relay.config.ts";
import dlq from "../../../src/operations/relay.dlq.ts";
import history from "../../../src/operations/relay.history.ts";
import maintenance from "../../../src/operations/relay.maintenance.ts";
import pipelines from "../../../src/operations/relay.pipelines.ts";
import publish from "../../../src/operations/relay.publish.ts";
import receive from "../../../src/operations/relay.receive.ts";
import replay from "../../../src/operations/relay.replay.ts";
import status from "../../../src/operations/relay.status.ts";
import support from "../../../src/operations/relay.support.ts";
import tail from "../../../src/operations/relay.tail.ts";
import type { Session } from "../../../src/pg/session.ts";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { runOperation } from "../../support/operation.ts";
import { installTide } from "../../support/tide.ts";

/** Stands in every payload; no command may print it unasked. */
const PAYLOAD_CANARY = "canary-payload-41f9";
/** Stands in a configuration in clear text, as an older version would have stored it. */
const SECRET_CANARY = "canary-secret-8c22";

let cluster: TestCluster;
let database: string;
let session: Session;
let target: { connection: string };

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
  session = await connectTo(cluster, { database });
  await installTide(session);
  target = { connection: `${cluster.url(database)}?sslmode=disable` };
  await session.query("select tide.outbox_create('orders')");
  await session.query("select tide.inbox_create('payments')");
  await session.query(
    `select tide.relay_set_outbox('orders-hook', 'orders', '{"sink_type": "webhook", "url": "https://example.com/hook"}'::jsonb)`,
  );
  await session.query(
    `insert into tide.relay_outbox_config (name, config)
     values ('old-style', $1::jsonb)`,
    [
      JSON.stringify({
        source_type: "outbox",
        source: { outbox: "orders" },
        sink_type: "nats",
        sink: { url: `nats://user:${SECRET_CANARY}@host`, subject: "a", password: SECRET_CANARY },
      }),
    ],
  );
});

afterAll(async () => {
  await session?.close();
});

async function deadLetter(key: string, error = "the receiver said 422"): Promise<number> {
  const [row] = await session.query(
    `insert into tide.relay_dlq (relay_mode, pipeline_name, source_name, sink_name, dedup_key, payload, headers, error_message, error_kind)
     values ('forward', 'orders-hook', 'orders', 'webhook', $1, $2::jsonb, '{}', $3, 'sink_permanent') returning id`,
    [key, JSON.stringify({ secret: PAYLOAD_CANARY }), error],
  );
  return Number(row?.id);
}

describe("relay publish", () => {
  it("publishes JSON in a transaction of its own and tells the id", async () => {
    const { output } = await runOperation(publish, {
      ...target,
      outbox: "orders",
      payload: JSON.stringify({ note: PAYLOAD_CANARY }),
      dedupKey: "k-1",
      header: { op: "insert" },
    });
    expect(output.id).toMatch(/^\d+$/);
    const [row] = await session.query("select payload, headers from tide.tide_outbox_messages where id = $1", [
      output.id,
    ]);
    expect(JSON.parse(row?.payload ?? "")).toEqual({ note: PAYLOAD_CANARY });
    expect(JSON.parse(row?.headers ?? "")).toEqual({ op: "insert", dedup_key: "k-1" });
  });

  it("refuses what is not JSON and what nobody gave, and never repeats it", async () => {
    const broken = runOperation(publish, { ...target, outbox: "orders", payload: `{${PAYLOAD_CANARY}` });
    await expect(broken).rejects.toMatchObject({ code: "CONFIG_VALUE_INVALID", message: "the payload is not JSON" });
    await expect(broken).rejects.not.toThrow(PAYLOAD_CANARY);
    await expect(runOperation(publish, { ...target, outbox: "orders" })).rejects.toMatchObject({
      message: "there is no payload",
    });
  });

  it("says that the outbox is not there", async () => {
    await expect(runOperation(publish, { ...target, outbox: "nope", payload: "1" })).rejects.toMatchObject({
      code: "RELAY_OUTBOX_UNKNOWN",
    });
  });
});

describe("relay status", () => {
  it("counts what waits, and calls a pipeline that nobody runs unowned", async () => {
    const { output } = await runOperation(status, target);
    const hook = output.pipelines.find(({ pipeline }) => pipeline === "orders-hook");
    expect(hook).toMatchObject({ direction: "forward", state: "unowned", enabled: true });
    expect(hook?.lag).toBeGreaterThan(0);
    expect(JSON.stringify(output)).not.toContain(PAYLOAD_CANARY);
  });

  it("shows what went wrong last, and never calls healthy or failed what nobody runs", async () => {
    await session.query(
      `insert into tide.relay_runtime_status
         (relay_group_id, pipeline_id, direction, owner_token, last_owner_heartbeat, last_error_code, retry_attempt,
          retry_state, next_retry_at)
       values ('g-live', 'orders-hook', 'forward', 'token-1', now(), 'PGTIDE_CONNECTOR_TIMEOUT', 2, 'retrying', now() + interval '14 s'),
              ('g-gone', 'orders-hook', 'forward', null, null, 'PGTIDE_CONNECTOR_TIMEOUT', 0, 'permanently_failed', null),
              ('g-mute', 'orders-hook', 'forward', 'token-2', now() - interval '160 s', null, 0, null, null)`,
    );
    const { output } = await runOperation(status, target);
    const state = (group: string) => output.pipelines.find((each) => each.relay_group === group);
    expect(state("g-live")).toMatchObject({ state: "retrying", last_error: { code: "PGTIDE_CONNECTOR_TIMEOUT" } });
    expect(state("g-live")?.next_retry_ms).toBeGreaterThan(10_000);
    expect(state("g-gone")?.state).toBe("unowned");
    expect(state("g-mute")?.state).toBe("unknown");
    expect(JSON.stringify(output)).not.toContain("token-1");
    await session.query("delete from tide.relay_runtime_status");
  });

  it("[relay 5.3] names whose open transaction holds later events back", async () => {
    const publisher = await connectTo(cluster, { database });
    await publisher.script("begin; select tide.outbox_publish('orders', '{}')");
    const held = (await runOperation(status, target)).output.pipelines.find(
      ({ pipeline }) => pipeline === "orders-hook",
    );
    expect(held?.held_by).toMatchObject({ pid: publisher.processId, prepared: null });
    await publisher.close();
    const free = (await runOperation(status, target)).output.pipelines.find(
      ({ pipeline }) => pipeline === "orders-hook",
    );
    expect(free?.held_by).toBeNull();
  });

  it("tells that the schema is missing", async () => {
    const empty = await cluster.createDatabase();
    const run = runOperation(status, { connection: `${cluster.url(empty)}?sslmode=disable` });
    await expect(run).rejects.toMatchObject({ code: "RELAY_NOT_INSTALLED" });
  });

  it("[R-14] gives a reader what a reader may see, and says why the rest is unknown", async () => {
    await session.script(`create role status_reader login password 'reader-password-1';
      grant usage on schema tide to status_reader; grant select on tide.relay_pipeline_status to status_reader;`);
    const url = new URL(cluster.url(database));
    url.username = "status_reader";
    url.password = "reader-password-1";
    const { output } = await runOperation(status, { connection: `${url.href}?sslmode=disable` });
    expect(output.reason).toMatch(/may not read/);
    await expect(
      runOperation(dlq, { connection: `${url.href}?sslmode=disable`, action: "list" }),
    ).rejects.toMatchObject({ code: "RELAY_RIGHT_MISSING" });
  });
});

describe("relay pipelines", () => {
  it("lists each with its ends, and names what is wrong with one", async () => {
    const { output, exitCode } = await runOperation(pipelines, { ...target, action: "list" });
    const hook = output.pipelines.find(({ pipeline }) => pipeline === "orders-hook");
    expect(hook).toMatchObject({ from: "orders", to: "webhook", valid: true, problems: [] });
    expect([0, 20]).toContain(exitCode);
  });

  it("[R-21] shows a configuration without the secret that stands in it", async () => {
    const { output } = await runOperation(pipelines, { ...target, action: "show", name: "old-style" });
    expect(JSON.stringify(output.config)).toContain("[secret]");
    expect(JSON.stringify(output)).not.toContain(SECRET_CANARY);
  });

  it("switches one off and on again", async () => {
    const off = await runOperation(pipelines, { ...target, action: "disable", name: "orders-hook" });
    expect(off.output).toMatchObject({ changed: true, pipelines: [{ enabled: false }] });
    const now = await runOperation(status, target);
    expect(now.output.pipelines.find(({ pipeline }) => pipeline === "orders-hook")?.state).toBe("disabled");
    await runOperation(pipelines, { ...target, action: "enable", name: "orders-hook" });
  });

  it("[R-01] tests one without sending, and says what the address guard refuses", async () => {
    await session.query(
      `select tide.relay_set_outbox('inner', 'orders', '{"sink_type": "webhook", "url": "https://127.0.0.1:1/hook"}'::jsonb)`,
    );
    const { output, exitCode } = await runOperation(pipelines, { ...target, action: "test", name: "inner" });
    expect(output.test).toMatchObject({ ok: false, code: "RELAY_ADDRESS_REFUSED" });
    expect(exitCode).toBe(20);
    await session.query("select tide.relay_delete('inner')");
  });

  it("suggests the name that was probably meant", async () => {
    const run = runOperation(pipelines, { ...target, action: "show", name: "orders-hok" });
    await expect(run).rejects.toMatchObject({
      code: "RELAY_PIPELINE_UNKNOWN",
      parts: { hint: 'Did you mean "orders-hook"?' },
    });
  });
});

describe("relay dlq", () => {
  it("lists, shows and counts without a payload", async () => {
    const id = await deadLetter("list-1");
    const { output } = await runOperation(dlq, { ...target, action: "list" });
    expect(output.dead_letters.map((letter) => letter.id)).toContain(id);
    const shown = await runOperation(dlq, { ...target, action: "show", ids: [String(id)] });
    expect(JSON.stringify([output, shown.output])).not.toContain(PAYLOAD_CANARY);
    const asked = await runOperation(dlq, { ...target, action: "show", ids: [String(id)], showPayload: true });
    expect(JSON.stringify(asked.output)).toContain(PAYLOAD_CANARY);
  });

  it("queues by number what is to be delivered again", async () => {
    const id = await deadLetter("retry-1");
    const { output } = await runOperation(dlq, { ...target, action: "retry", ids: [String(id)] });
    expect(output).toMatchObject({ changed: 1, dead_letters: [{ id, status: "queued" }] });
  });

  it("takes a match only after a preview or a yes", async () => {
    const ids = [await deadLetter("match-1", "connection timeout"), await deadLetter("match-2", "Timeout of sink")];
    const match = "pipeline=orders-hook error~timeout";
    const preview = await runOperation(dlq, { ...target, action: "discard", match, preview: true });
    expect(preview.output).toMatchObject({ changed: 0, matched: 2 });
    const request = { ...target, action: "discard" as const, match, reason: "test orders" };
    await expect(runOperation(dlq, request)).rejects.toMatchObject({ code: "RELAY_UNAPPROVED" });
    const done = await runOperation(dlq, { ...request, yes: true });
    expect(done.output).toMatchObject({ changed: 2 });
    expect(done.output.dead_letters.map(({ id, status: state }) => [id, state])).toEqual(
      ids.map((id) => [id, "settled"]),
    );
  });

  it("[R-12] needs a reason to edit or discard, and keeps who, when and why", async () => {
    const id = String(await deadLetter("edit-1"));
    await expect(runOperation(dlq, { ...target, action: "discard", ids: [id] })).rejects.toMatchObject({
      code: "USAGE_ARGUMENTS",
    });
    const edited = await runOperation(dlq, {
      ...target,
      action: "edit",
      ids: [id],
      payload: '{"fixed": true}',
      reason: "wrong currency",
    });
    expect(edited.output.dead_letters[0]).toMatchObject({ version: 2 });
    expect(edited.output.dead_letters[0]?.history).toContainEqual(
      expect.objectContaining({ actor: "postgres", reason: "wrong currency" }),
    );
  });

  it("passes on what the database says when it refuses", async () => {
    const id = String(await deadLetter("edit-2"));
    const run = runOperation(dlq, { ...target, action: "edit", ids: [id], headers: "[]", reason: "none" });
    await expect(run).rejects.toMatchObject({ code: "RELAY_SQL_FAILED", message: expect.stringContaining("object") });
  });

  it("refuses conditions that it does not know, and says which there are", async () => {
    await expect(runOperation(dlq, { ...target, action: "list", match: "pipelin=a" })).rejects.toMatchObject({
      code: "CONFIG_VALUE_INVALID",
      parts: { hint: 'Did you mean "pipeline"?' },
    });
    await expect(runOperation(dlq, { ...target, action: "retry" })).rejects.toMatchObject({ code: "USAGE_ARGUMENTS" });
    await expect(runOperation(dlq, { ...target, action: "retry", ids: ["999999"] })).rejects.toMatchObject({
      code: "RELAY_DEAD_LETTER_UNKNOWN",
    });
  });

  it("takes a condition's value as a value, never as SQL", async () => {
    const { output } = await runOperation(dlq, {
      ...target,
      action: "list",
      match: `pipeline="x' or true --" kind=sink_permanent`,
    });
    expect(output.dead_letters).toEqual([]);
  });
});

describe("relay receive", () => {
  it("claims, prints and acknowledges events", async () => {
    await session.query(
      `insert into tide.payments_inbox (event_id, source, payload) values ('evt-1', 'test', '{"a": 1}')`,
    );
    const { output, events } = await runOperation(receive, { ...target, inbox: "payments", ack: true });
    expect(output).toMatchObject({ acknowledged: 1, events: [{ event_id: "evt-1", payload: { a: 1 } }] });
    expect(events.filter(({ type }) => type === "relay.received")).toHaveLength(1);
    const again = await runOperation(receive, { ...target, inbox: "payments", ack: true });
    expect(again.output.events).toEqual([]);
  });

  it("counts a failure with its reason", async () => {
    await session.query(`insert into tide.payments_inbox (event_id, payload) values ('evt"2', '{}')`);
    const run = await runOperation(receive, { ...target, inbox: "payments", failed: ['evt"2'], reason: "no order" });
    expect(run.output.failed).toBe(1);
    const [row] = await session.query("select last_error from tide.payments_inbox where event_id = $1", ['evt"2']);
    expect(row?.last_error).toBe("no order");
  });
});

describe("relay history, config, maintenance, replay", () => {
  it("tells who changed a pipeline and in which fields", async () => {
    const { output } = await runOperation(history, { ...target, pipeline: "orders-hook" });
    expect(output.changes.length).toBeGreaterThan(0);
    expect(output.changes.at(-1)).toMatchObject({ kind: "created", changed_by: "postgres" });
    const other = await runOperation(history, { ...target, pipeline: "old-style" });
    expect(JSON.stringify(other.output)).not.toContain(SECRET_CANARY);
  });

  it("[R-21] exports configurations without secrets, and validates them", async () => {
    const exported = await runOperation(config, { ...target, action: "export" });
    expect(exported.output.pipelines.map(({ pipeline }) => pipeline)).toContain("old-style");
    expect(JSON.stringify(exported.output)).not.toContain(SECRET_CANARY);
    const one = await runOperation(config, { ...target, action: "validate", pipeline: "orders-hook" });
    expect(one).toMatchObject({ exitCode: 0, output: { pipelines: [{ valid: true }] } });
  });

  it("counts what a sweep would remove", async () => {
    const { output } = await runOperation(maintenance, { ...target, action: "sweep", dryRun: true });
    expect(output).toMatchObject({ dry_run: true, total_deleted: 0 });
    expect(output.outboxes.map(({ outbox }) => outbox)).toEqual(["orders"]);
  });

  it("removes settled dead letters that are past their retention, and none that wait", async () => {
    const letter = (key: string, resolved: boolean, days: number) =>
      session.rows(
        "insert into tide.relay_dlq (relay_mode, pipeline_name, source_name, sink_name, dedup_key, payload, error_message, " +
          "error_kind, resolved, resolved_at) values ('forward', 'orders-hook', '', '', $1, '{}', '', 'decode', $2, " +
          "now() - $3 * interval '1 day')",
        [key, String(resolved), String(days)],
      );
    await letter("swept-old", true, 31);
    await letter("swept-young", true, 29);
    await letter("swept-open", false, 31);
    const one = await runOperation(maintenance, { ...target, action: "sweep", outbox: "orders" });
    expect(one.output).not.toHaveProperty("dead_letters");
    const { output } = await runOperation(maintenance, { ...target, action: "sweep" });
    expect(output.dead_letters).toBe(1);
    const left = await session.rows("select dedup_key from tide.relay_dlq where dedup_key like 'swept-%' order by 1");
    expect(left).toEqual([["swept-open"], ["swept-young"]]);
    await session.script("delete from tide.relay_dlq where dedup_key like 'swept-%'");
  });

  it("removes events alone for a role that may not have dead letters swept, and does not fail half way", async () => {
    await session.script(`create role event_sweeper login password 'sweeper-password-1';
      grant usage on schema tide to event_sweeper;
      grant execute on function tide.outbox_sweep(text, integer, boolean), tide.version() to event_sweeper;`);
    const url = new URL(cluster.url(database));
    url.username = "event_sweeper";
    url.password = "sweeper-password-1";
    const connection = `${url.href}?sslmode=disable`;
    const { output, exitCode } = await runOperation(maintenance, { connection, action: "sweep" });
    expect(exitCode).toBe(0);
    expect(output.outboxes.map(({ outbox }) => outbox)).toEqual(["orders"]);
    expect(output).not.toHaveProperty("dead_letters");
  });

  it("previews a replay without payloads", async () => {
    const { output } = await runOperation(replay, { ...target, action: "preview", outbox: "orders" });
    expect(output.events.length).toBeGreaterThan(0);
    expect(JSON.stringify(output)).not.toContain(PAYLOAD_CANARY);
  });

  it("delivers nothing again without a yes", async () => {
    await expect(
      runOperation(replay, { ...target, action: "execute", pipeline: "orders-hook", toId: 5 }),
    ).rejects.toMatchObject({ code: "RELAY_UNAPPROVED" });
  });
});

describe("relay tail", () => {
  it("[R-21] follows batches and dead letters, without payloads", async () => {
    await session.query(
      `insert into tide.relay_delivery_receipts (pipeline_name, outbox_name, message_id, sink_type)
       select 'orders-hook', 'orders', m.id, 'webhook' from tide.tide_outbox_messages as m`,
    );
    const { output, events } = await runOperation(tail, { ...target, fromStart: true, limit: 2, interval: "50ms" });
    expect(output.lines).toBe(2);
    expect(events.find(({ type }) => type === "relay.delivered")?.batch).toMatch(/^\d+$/);
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(["relay.delivered", "relay.dead_letter"]));
    expect(JSON.stringify(events)).not.toContain(PAYLOAD_CANARY);
  });
});

describe("relay tail with a timeout", () => {
  it("ends with what it has shown, and fails when it was interrupted", async () => {
    const run = (code: "COMMAND_TIMEOUT" | "COMMAND_INTERRUPTED") => {
      const over = new AbortController();
      setTimeout(() => over.abort(new PgkeepError(code, "over")), 300);
      return runOperation(tail, { ...target, interval: "50ms" }, { signal: over.signal });
    };
    expect((await run("COMMAND_TIMEOUT")).output).toEqual({ lines: 0 });
    await expect(run("COMMAND_INTERRUPTED")).rejects.toMatchObject({ code: "COMMAND_INTERRUPTED" });
  });
});

describe("relay doctor and support", () => {
  it("asks about the relay where schema tide is", async () => {
    const { output } = await runOperation(doctor, target);
    const relay = output.checks.filter(({ section }) => section === "relay");
    expect(relay.map(({ what }) => what)).toEqual(
      expect.arrayContaining(["schema", "role", "pipelines", "row security", "owners", "backlog", "dead letters"]),
    );
    expect(relay.find(({ what }) => what === "owners")?.status).toBe("warn");
  });

  it("[R-21] writes five files and a manifest that hold neither payload nor secret", async () => {
    const directory = await mkdtemp(join(tmpdir(), "pgkeep-bundle-"));
    const { output } = await runOperation(support, { ...target, directory });
    expect(output.files.map(({ name }) => name)).toEqual([
      "versions.json",
      "doctor.json",
      "status.json",
      "error-codes.json",
      "metrics-metadata.json",
    ]);
    const texts = await Promise.all(
      [...output.files.map(({ name }) => name), "manifest.json"].map((name) => readFile(join(directory, name), "utf8")),
    );
    expect(texts.join("")).not.toMatch(new RegExp(`${PAYLOAD_CANARY}|${SECRET_CANARY}|${cluster.password}`));
    expect(texts.every((text) => JSON.parse(text) !== null)).toBe(true);
    expect(JSON.parse(texts.at(-1) ?? "")).toMatchObject({ redaction_policy_version: "v1", files: output.files });
  });
});
