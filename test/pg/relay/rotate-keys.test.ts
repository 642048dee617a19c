/** Encrypted events: what a dead letter keeps of them, and how everything that waits gets a new key. */
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import maintenance from "../../../src/operations/relay.maintenance.ts";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import type { RelayParts } from "../../../src/relay/engine/parts.ts";
import { DELIVERED, type Delivery, type Disposition } from "../../../src/relay/message.ts";
import { PayloadEncryption } from "../../../src/relay-api.ts";
import { runOperation } from "../../support/operation.ts";
import { makePipeline, startRelay } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const OLD = "1f".repeat(32);
const NEW = "2e".repeat(32);
const OTHER = "3d".repeat(32);

const folder = mkdtempSync(join(tmpdir(), "pgkeep-keys-"));
const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const [keyFile, oldFile, otherFile] = [file("new", `${NEW}\n`), file("old", OLD), file("other", OTHER)];

const sealed = (key: string, payload: unknown, outbox = "orders") =>
  new PayloadEncryption({ key }).seal(JSON.stringify(payload), outbox);

async function publish(tide: Tide, key: string, payloads: readonly unknown[], outbox = "orders"): Promise<void> {
  const envelopes = payloads.map((payload) => sealed(key, payload, outbox));
  await tide.rows(
    "select tide.outbox_publish($1, e) from pg_catalog.jsonb_array_elements($2::jsonb) as e",
    outbox,
    `[${envelopes.join(",")}]`,
  );
}

/** What the new key alone opens of an outbox. */
async function opened(tide: Tide, outbox = "orders"): Promise<unknown[]> {
  const keys = new PayloadEncryption({ key: NEW });
  const rows = await tide.rows(
    "select payload from tide.tide_outbox_messages where outbox_name = $1 order by id",
    outbox,
  );
  return rows.map(({ payload }) => {
    try {
      return JSON.parse(keys.open(payload ?? "", outbox));
    } catch {
      return "closed";
    }
  });
}

describe("relay maintenance rotate-keys", () => {
  let tide: Tide;
  let target: { connection: string };
  beforeAll(async () => {
    tide = await openTide();
    target = { connection: `${tide.cluster.url(tide.database)}?sslmode=disable` };
    await tide.run("select tide.outbox_create('orders'), tide.outbox_create('other')");
    await publish(
      tide,
      OLD,
      Array.from({ length: 25 }, (_, n) => ({ n, card: "4111-canary" })),
    );
    await publish(tide, NEW, [{ n: 25 }]);
    await publish(tide, OTHER, [{ n: 26 }]);
    await tide.run("select tide.outbox_publish('orders', '{\"plain\": 1.10}')");
    await publish(tide, OLD, [{ n: 0 }], "other");
  });
  afterAll(() => tide[Symbol.asyncDispose]());

  const rotate = (changes: Record<string, unknown> = {}) =>
    runOperation(maintenance, {
      ...target,
      action: "rotate-keys",
      outbox: "orders",
      keyFile,
      previousKeyFile: [oldFile],
      ...changes,
    });
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => ({ n: from + n, card: "4111-canary" }));

  it("counts in a dry run and changes nothing", async () => {
    const before = await tide.rows("select payload from tide.tide_outbox_messages order by id");
    const { output, exitCode } = await rotate({ dryRun: true, batchSize: 10 });
    expect(output).toMatchObject({ dry_run: true, rotation: { events: 25, unreadable: 1, complete: false } });
    expect(exitCode).toBe(20);
    expect(await tide.rows("select payload from tide.tide_outbox_messages order by id")).toEqual(before);
  });

  it("[relay 6] seals events under the new key in batches, goes on where it was stopped, and touches nothing else", async () => {
    const first = await rotate({ batchSize: 10, maxBatches: 1 });
    expect(first.output.rotation).toMatchObject({ events: 10, complete: false });
    expect((await opened(tide)).slice(0, 11)).toEqual([...numbers(0, 10), "closed"]);
    const second = await rotate({ batchSize: 10 });
    expect(second.output.rotation).toEqual({
      key_id: new PayloadEncryption({ key: NEW }).keyId,
      events: 15,
      dead_letters: 0,
      unreadable: 1,
      complete: true,
    });
    expect(second.events.filter(({ type }) => type === "relay.keys_rotated").length).toBeGreaterThan(1);
    expect(await opened(tide)).toEqual([...numbers(0, 25), { n: 25 }, "closed", "closed"]);
    expect(await opened(tide, "other")).toEqual(["closed"]);
    expect(await tide.one("select payload from tide.tide_outbox_messages where payload ? 'plain'")).toBe(
      '{"plain": 1.10}',
    );
    const third = await rotate({ previousKeyFile: [oldFile, otherFile] });
    expect(third).toMatchObject({ exitCode: 0, output: { rotation: { events: 1, unreadable: 0, complete: true } } });
    expect((await rotate()).output.rotation).toMatchObject({ events: 0, complete: true });
  });

  it("[R-21] shows neither keys nor payloads", async () => {
    const { output, events } = await rotate({ dryRun: true });
    for (const secret of [OLD, NEW, OTHER, "4111-canary"])
      expect(JSON.stringify([output, events])).not.toContain(secret);
  });

  it.each([
    ["no key", { keyFile: undefined }, "new key and the one before"],
    ["no previous key", { previousKeyFile: undefined }, "new key and the one before"],
    ["a file that is not there", { keyFile: join(folder, "none") }, "--key-file"],
    [
      "a file that is no key",
      { previousKeyFile: [file("text", "hunter2-canary")] },
      "--previous-key-file does not hold",
    ],
    ["a file that is too large", { keyFile: file("large", "a".repeat(5_000)) }, "--key-file"],
    ["a file that others may write", { keyFile: file("open", NEW, 0o666) }, "can be written by other users"],
    ["a directory", { keyFile: folder }, "--key-file"],
    ["no outbox", { outbox: undefined }, "outbox"],
    ["an unknown outbox", { outbox: "nowhere" }, 'no outbox "nowhere"'],
  ])("refuses %s and repeats nothing of it", async (_name, changes, message) => {
    const refusal = await rotate(changes).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ message: expect.stringContaining(message) });
    expect(JSON.stringify(refusal)).not.toContain("canary");
  });
});

describe("a dead letter of an encrypted event", () => {
  /** The catalogue's parts over a sink that answers as told. */
  const parts = (answer: (delivery: Delivery) => Disposition): RelayParts => ({
    ...catalogueParts,
    openOutlet: async (context) => ({
      ...(await catalogueParts.openOutlet(context)),
      openSink: async () => ({ send: async (batch) => batch.map(answer), close: async () => undefined }),
    }),
  });

  it("[relay 3.6] [R-21] keeps it as it was published, is sealed anew, and is opened and shaped once more when tried again", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders", {
      encryption: { key: "${env:NEW_KEY}", key_previous: "${env:OLD_KEY}", required: true },
      transform: { filter: "total > `1`", payload: "{amount: total}" },
    });
    const environment = { NEW_KEY: NEW, OLD_KEY: OLD };
    await publish(tide, OLD, [{ total: 5, card: "4111-canary" }]);
    const no: Disposition = { outcome: "reject", class: "protocol_rejection", scope: "message", reason: "no" };
    await startRelay(
      tide,
      parts(() => no),
      { untilIdle: true, environment },
    ).done;
    expect(await tide.one("select payload ->> 'kid' from tide.relay_dlq")).toBe(
      new PayloadEncryption({ key: OLD }).keyId,
    );
    expect(await tide.one("select payload::text from tide.relay_dlq")).not.toContain("4111");

    const connection = `${tide.cluster.url(tide.database)}?sslmode=disable`;
    const keys = { keyFile, previousKeyFile: [oldFile] };
    const { output } = await runOperation(maintenance, {
      connection,
      action: "rotate-keys",
      outbox: "orders",
      ...keys,
    });
    expect(output.rotation).toMatchObject({ events: 1, dead_letters: 1, complete: true });

    await tide.run("select tide.relay_dlq_retry_all()");
    const sent: unknown[] = [];
    const yes = (delivery: Delivery): Disposition => {
      sent.push(JSON.parse(delivery.message.payload));
      return DELIVERED;
    };
    await startRelay(tide, parts(yes), { untilIdle: true, environment: { NEW_KEY: NEW, OLD_KEY: OTHER } }).done;
    expect(sent).toEqual([{ amount: 5 }]);
    expect(await tide.one("select pg_catalog.count(*) from tide.relay_dlq where not resolved")).toBe("0");
  });
});
