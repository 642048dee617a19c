/** Inboxes as a sink, in this database and in another one: the suite of every sink, and what a bad row or connection does. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { Secret } from "../../../../src/base/secrets.ts";
import type { Session } from "../../../../src/pg/session.ts";
import type { ConnectorContext } from "../../../../src/relay/connector.ts";
import type { ConnectorFailure } from "../../../../src/relay/failures.ts";
import inbox from "../../../../src/relay/sinks/inbox.ts";
import pgOutbox from "../../../../src/relay/sinks/pg_outbox.ts";
import { connectorContext, delivery, REFUSE_ALL } from "../../../conformance/relay/connector.ts";
import { startProxy, startSilentServer } from "../../../conformance/relay/network.ts";
import { describeSink, type Received } from "../../../conformance/relay/sinks.ts";
import { sharedCluster, type TestCluster } from "../../../support/cluster.ts";
import { clusterSettings, connectTo } from "../../../support/connection.ts";
import { installTide } from "../../../support/tide.ts";

let cluster: TestCluster;
let database: string;
let admin: Session;

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
  admin = await connectTo(cluster, { database });
  await installTide(admin);
});
afterAll(() => admin.close());

/** Connection strings of these tests: a host and port, and a password that is the right one unless it is said. */
const resolveDatabase: ConnectorContext["resolveDatabase"] = async (url) => {
  const { hostname, port, password } = new URL(url);
  const settings = clusterSettings(cluster, { database, hosts: [{ host: hostname, port: Number(port) }] });
  const given = password === "" ? cluster.password : password;
  return {
    settings: { ...settings, password: async () => new Secret(given), connectTimeoutMs: 2_000 },
    database,
    maintenanceDatabase: "postgres",
    origin: {},
    warnings: [],
  };
};
const context = (changes: Partial<ConnectorContext> = {}) =>
  connectorContext({ openDatabase: () => connectTo(cluster, { database }), resolveDatabase, ...changes });
const url = (host = cluster.host, port = cluster.port, user = "postgres") => `postgres://${user}@${host}:${port}/x`;

async function read(name: string): Promise<Received[]> {
  const rows = await admin.query(
    `select event_id, coalesce(payload, 'null')::text as payload, headers::text as headers from tide.${name}_inbox order by id`,
  );
  return rows.map((row) => ({
    body: Buffer.from(row.payload ?? ""),
    dedupId: row.event_id ?? undefined,
    headers: JSON.parse(row.headers ?? "{}"),
  }));
}

for (const [where, definition, config] of [
  ["in the relay's own database", inbox, {}],
  ["in another database", pgOutbox, { postgres_url: "" }],
] as const) {
  describe(where, () => {
    describeSink({
      isLocal: true,
      // The suite's context has no database.
      definition: {
        ...definition,
        open: (given: never, { signal }: ConnectorContext) => definition.open(given, context({ signal })),
      },
      withoutBytes: "jsonb keeps values, not bytes",
      async start() {
        return {
          server: `PostgreSQL ${cluster.major}`,
          prepare: async (place) => {
            await admin.query("select tide.inbox_create($1)", [place]);
          },
          config: (place) => ({
            ...config,
            inbox: place,
            ...("postgres_url" in config ? { postgres_url: url() } : {}),
          }),
          read,
          stop: async () => {},
        };
      },
    });
  });
}

describe("an inbox", () => {
  let number = 0;
  const place = async (schema = "tide") => {
    const name = `sink${++number}`;
    await admin.query("select tide.inbox_create($1, $2)", [name, schema]);
    return name;
  };
  const open = (config: Record<string, unknown>, changes: Partial<ConnectorContext> = {}) =>
    inbox.open(inbox.config(z).parse(config), context(changes));
  const never = new AbortController().signal;
  const failure = (attempt: Promise<unknown>): Promise<ConnectorFailure> =>
    attempt.then(
      () => Promise.reject(new Error("it did not fail")),
      (error) => error,
    );

  it("gets payload, subject, headers and the stable id, the payload's numbers exact", async () => {
    const name = await place();
    const sink = await open({ inbox: name });
    const one = delivery(7, {
      subject: "orders.insert",
      body: '{"n": 12345678901234567890, "p": 1.50}',
      headers: { "ce-id": "7" },
    });
    await sink.send([{ ...one, message: { ...one.message, headers: '{"trace": "t"}' } }], never);
    expect(await admin.query(`select event_id, source, payload::text, headers::text from tide.${name}_inbox`)).toEqual([
      {
        event_id: "outbox_orders:7:0",
        source: "orders.insert",
        payload: '{"n": 12345678901234567890, "p": 1.50}',
        headers: '{"ce-id": "7", "trace": "t"}',
      },
    ]);
    await sink.close();
  });

  it("stores a batch with one statement, and a delivery that comes twice once", async () => {
    const name = await place();
    let session: Session | undefined;
    const sink = await open(
      { inbox: name },
      { openDatabase: async () => (session = await connectTo(cluster, { database })) },
    );
    const batch = Array.from({ length: 1_000 }, (_, index) => delivery(index));
    const before = session?.roundTrips ?? 0;
    await sink.send(batch, never);
    expect((session?.roundTrips ?? 0) - before).toBe(1);
    await sink.send([...batch.slice(500), delivery(2_000)], never);
    expect(await read(name)).toHaveLength(1_001);
    await sink.close();
  });

  it("[R-20] refuses only the rows that jsonb does not take, and stores the others in order", async () => {
    const name = await place();
    const sink = await open({ inbox: name });
    const bad = new Map([
      [13, '{"canary": "\\u0000"}'],
      [57, "canary, no json"],
      [99, '"\\ud800 canary"'],
      // As it would be written by somebody who wants another event's id, or a row more.
      [70, '{}, "event_id": "canary-forged"'],
      [71, '{}}, {"event_id": "canary-forged", "payload": {}'],
    ]);
    const batch = Array.from({ length: 100 }, (_, index) =>
      delivery(index, bad.has(index) ? { body: bad.get(index) ?? "" } : {}),
    );
    const answers = await sink.send(batch, never);
    for (const [index, answer] of answers.entries()) {
      if (!bad.has(index)) expect(answer).toEqual({ outcome: "delivered" });
      else expect(answer).toMatchObject({ outcome: "reject", class: "protocol_rejection", scope: "message" });
    }
    expect(JSON.stringify(answers)).not.toContain("canary");
    const stored = (await read(name)).map(({ dedupId }) => dedupId);
    expect(stored).toEqual(batch.filter((_, index) => !bad.has(index)).map(({ message }) => message.dedupKey));
    await sink.close();
  });

  it("may stand in another schema", async () => {
    await admin.script("create schema apps; grant usage, create on schema apps to tide_owner");
    await admin.query("select tide.inbox_create('elsewhere', 'apps')");
    const sink = await open({ inbox: "elsewhere" });
    await sink.send([delivery(1)], never);
    expect(await admin.query("select event_id from apps.elsewhere_inbox")).toEqual([{ event_id: "outbox_orders:1:0" }]);
    await sink.close();
  });

  it("[R-15] does not stand where somebody else could put a table with triggers in its place", async () => {
    await admin.script("create schema theirs; grant usage, create on schema theirs to tide_owner");
    await admin.query("select tide.inbox_create('trapped', 'theirs')");
    await admin.script("create role landlord; alter schema theirs owner to landlord");
    expect((await failure(open({ inbox: "trapped" }))).class).toBe("authorization");
    await admin.script("select tide.inbox_drop('trapped'); drop schema theirs; drop role landlord");
  });

  it("that is not there, or that the role may not write, is the sink's fault", async () => {
    expect((await failure(open({ inbox: "nowhere" }))).class).toBe("invalid_destination");
    const name = await place();
    const role = "sink_outsider";
    await admin.script(`create role ${role} login password 'outsider-pw'; grant usage on schema tide to ${role};
      grant select on tide.tide_inbox_config to ${role}; create policy see on tide.tide_inbox_config to ${role} using (true)`);
    const sink = await open(
      { inbox: name },
      {
        openDatabase: () =>
          connectTo(cluster, { database, user: role, password: async () => new Secret("outsider-pw") }),
      },
    );
    const refused = await failure(sink.send([delivery(1)], never));
    expect([refused.class, refused.isTransient]).toEqual(["authorization", false]);
    await sink.close();
    await admin.query("select tide.inbox_grant_deliver($1, $2)", [name, role]);
    const again = await open(
      { inbox: name },
      {
        openDatabase: () =>
          connectTo(cluster, { database, user: role, password: async () => new Secret("outsider-pw") }),
      },
    );
    expect(await again.send([delivery(1)], never)).toEqual([{ outcome: "delivered" }]);
    await again.close();
    await admin.script(`drop owned by ${role}; drop role ${role}`);
  });

  describe("in another database", () => {
    it("[R-01] is dialled only where the address policy allows, and never by a socket of this host", async () => {
      await using silent = await startSilentServer();
      const refused = open({ inbox: "x", postgres_url: url(silent.host, silent.port) }, { addresses: REFUSE_ALL });
      expect((await failure(refused)).class).toBe("ssrf_rejected");
      expect(silent.accepted()).toBe(0);
      const bySocket: ConnectorContext["resolveDatabase"] = async (text) => {
        const resolved = await resolveDatabase(text);
        return {
          ...resolved,
          settings: { ...resolved.settings, hosts: [{ host: cluster.socketDir, port: cluster.port }] },
        };
      };
      const local = open({ inbox: "x", postgres_url: url() }, { resolveDatabase: bySocket });
      expect((await failure(local)).class).toBe("ssrf_rejected");
    });

    it("says what is wrong with the connection, and no password", async () => {
      const wrong = await failure(
        open({ inbox: "x", postgres_url: url(cluster.host, cluster.port, "postgres:wrong-canary") }),
      );
      expect(wrong.class).toBe("authentication");
      const gone = await failure(open({ inbox: "x", postgres_url: url("127.0.0.1", 1) }));
      expect([gone.class, gone.isTransient]).toEqual(["unavailable", true]);
      expect(`${wrong.message}${wrong.cause}${gone.message}`).not.toContain("canary");
    });

    it("reports nothing delivered that is not there when the connection is cut, and works when it is opened again", async () => {
      const name = await place();
      await using proxy = await startProxy({ host: cluster.host, port: cluster.port });
      const config = { inbox: name, postgres_url: url(proxy.host, proxy.port) };
      const batch = Array.from({ length: 200 }, (_, index) =>
        delivery(index, { body: JSON.stringify("x".repeat(500)) }),
      );
      for (const bytes of [1, 20_000]) {
        const sink = await open(config);
        proxy.cutAfter(bytes);
        expect((await failure(sink.send(batch, never))).isTransient).toBe(true);
        expect((await failure(sink.send(batch, never))).isTransient).toBe(true);
        await sink.close();
        proxy.heal();
        expect(await read(name)).toEqual([]);
      }
      const again = await open(config);
      expect((await again.send(batch, never)).every(({ outcome }) => outcome === "delivered")).toBe(true);
      expect(await read(name)).toHaveLength(200);
      await again.close();
    });

    it("ends a call at once when it is told to while the server hangs", async () => {
      const name = await place();
      await using proxy = await startProxy({ host: cluster.host, port: cluster.port });
      const config = { inbox: name, postgres_url: url(proxy.host, proxy.port) };
      const [patient, told] = [await open(config), await open(config)];
      proxy.freeze();
      const stop = new AbortController();
      const ended: string[] = [];
      // The one that is left alone began first, so its own time is up first.
      const waiting = failure(patient.send([delivery(1)], never)).finally(() => ended.push("left alone"));
      const sending = failure(told.send([delivery(2)], stop.signal)).finally(() => ended.push("told"));
      stop.abort();
      expect((await sending).isTransient).toBe(true);
      expect((await waiting).isTransient).toBe(true);
      expect(ended).toEqual(["told", "left alone"]);
      await Promise.all([patient.close(), told.close()]);
    });
  });
});
