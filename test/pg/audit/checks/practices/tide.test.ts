/** The checks of schema tide (TID, PRC-006) against a real install with its roles, on every major. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Check } from "../../../../../src/audit/check.ts";
import prc006 from "../../../../../src/audit/checks/practices/prc-006-wide-relay-roles.ts";
import tid001 from "../../../../../src/audit/checks/practices/tid-001-unsigned-webhook-source.ts";
import tid002 from "../../../../../src/audit/checks/practices/tid-002-unsigned-webhook-sink.ts";
import tid003 from "../../../../../src/audit/checks/practices/tid-003-insecure-pipeline.ts";
import tid004 from "../../../../../src/audit/checks/practices/tid-004-open-to-public.ts";
import tid005 from "../../../../../src/audit/checks/practices/tid-005-tide-owner.ts";
import tid006 from "../../../../../src/audit/checks/practices/tid-006-altered-function.ts";
import tid007 from "../../../../../src/audit/checks/practices/tid-007-old-dead-letters.ts";
import tid008 from "../../../../../src/audit/checks/practices/tid-008-open-receiver.ts";
import type { CheckOutcome } from "../../../../../src/audit/run/result.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { foundOf, objectsOf, outcomeAt, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { installTide } from "../../../../support/tide.ts";

const ALL = [tid001, tid002, tid003, tid004, tid005, tid006, tid007, tid008, prc006];

const inbound = (name: string, source: object, enabled = true) =>
  pipeline("relay_inbox_config", name, enabled, {
    source_type: "webhook",
    source,
    sink_type: "inbox",
  });
const outbound = (name: string, type: string, sink: object) =>
  pipeline("relay_outbox_config", name, true, { source_type: "outbox", sink_type: type, sink });

function pipeline(table: string, name: string, enabled: boolean, config: object): string {
  return `insert into tide.${table} (name, enabled, config) values ('${name}', ${enabled}, '${JSON.stringify(config)}')`;
}

/** Statements of the findings, as a person would run them. */
function cure(outcome: CheckOutcome): string {
  return foundOf(outcome)
    .map(({ fix }) => (fix?.kind === "revoke" ? fix.sql : "select no_such_cure()"))
    .join(";\n");
}

describe.each(availableMajors())("schema tide on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql("create database shop");
    session = await connectTo(cluster, { database: "shop" });
    await installTide(session, { roles: true });
    await session.script("create role app login; create role plain nologin; grant tide_publisher to app");
  });
  afterAll(async () => {
    await session.close();
    await cluster.stop();
  });

  async function within(setup: string, work: () => Promise<void>): Promise<void> {
    await session.script("begin");
    try {
      await session.script(setup);
      await work();
    } finally {
      await session.script("rollback");
    }
  }
  const run = (check: Check) => outcomeOn(session, check);
  const objects = async (check: Check) => objectsOf(await run(check));

  it.each(ALL.map((check) => [check.id, check] as const))(
    "%s is silent on a fresh install with its roles",
    async (_, check) => {
      expect(await objects(check)).toEqual([]);
    },
  );

  it.each(ALL.map((check) => [check.id, check] as const))(
    "%s does not concern a database without a relay",
    async (_, check) => {
      expect(await outcomeAt(cluster, check)).toMatchObject({ status: "not_applicable" });
    },
  );

  it.each([tid001, tid002, tid003, tid006, tid007, tid008].map((check) => [check.id, check] as const))(
    "%s is unknown to a role that may not read the tables",
    async (_, check) => {
      await within("set local role plain", async () => {
        expect(await run(check)).toMatchObject({ status: "unknown" });
      });
    },
  );

  it("TID-001 fires on receivers without a signature, and is silent once they have one", async () => {
    const setup = [
      inbound("open", { allow_unsigned: true }),
      inbound("off", { allow_unsigned: true }, false),
      inbound("stuck", {}),
      inbound("signed", { signature: { scheme: "github", secret: "${env:S}" } }),
      inbound("flat", { signature_scheme: "stripe", signature_secret: "${env:S}" }),
      pipeline("relay_inbox_config", "kafka", true, { source_type: "kafka", source: {}, sink_type: "inbox" }),
      outbound("out", "webhook", { url: "https://x" }),
    ].join(";");
    await within(setup, async () => {
      expect(await run(tid001)).toMatchObject({
        found: [
          { object: "pipeline off", severity: "low" },
          { object: "pipeline open", severity: "high" },
          { object: "pipeline stuck", severity: "low" },
        ],
      });
      await session.script(
        `update tide.relay_inbox_config set config = jsonb_set(config, '{source,signature}', '{"scheme":"github"}') where name in ('open', 'off', 'stuck')`,
      );
      expect(await objects(tid001)).toEqual([]);
    });
  });

  it("TID-002 fires on webhooks that are sent unsigned, and is silent once they are signed", async () => {
    const setup = [
      outbound('o"dd', "webhook", { url: "https://x" }),
      outbound("signed", "webhook", {
        url: "https://x",
        signature: { scheme: "standard-webhooks", secret: "${env:S}" },
      }),
      outbound("legacy", "webhook", { url: "https://x", signing_secret: "${env:S}" }),
      outbound("kafka", "kafka", { brokers: "x" }),
    ].join(";");
    await within(setup, async () => {
      expect(await objects(tid002)).toEqual(['pipeline "o""dd"']);
      await session.script(
        `update tide.relay_outbox_config set config = jsonb_set(config, '{sink,signature}', '{"scheme":"github"}')`,
      );
      expect(await objects(tid002)).toEqual([]);
    });
  });

  it("[R-19] TID-003 fires on what asks to go without verified TLS, by the names of keys alone", async () => {
    const setup = [
      outbound("a", "webhook", { url: "http://app:canary-1@example.com/", allow_http: true }),
      outbound("b", "kafka", { brokers: "x:9092", security_protocol: "PLAINTEXT" }),
      outbound("c", "nats", { url: "nats://example.com" }),
      pipeline("relay_outbox_config", "d", true, {
        sink_type: "webhook",
        sink: { url: "https://x" },
        ssrf_protection: false,
      }),
      inbound("e", { insecure_skip_verify: true }),
      outbound("ok1", "webhook", { url: "https://example.com", allow_http: false }),
      outbound("ok2", "redis", { url: "redis://localhost:6379" }),
      outbound("ok3", "nats", { url: "tls://example.com", headers: { note: "http://x" } }),
      outbound("ok4", "kafka", { brokers: "x", security_protocol: "sasl_ssl" }),
    ].join(";");
    await within(setup, async () => {
      const outcome = await run(tid003);
      expect(foundOf(outcome).map(({ object, detail }) => `${object}: ${detail}`)).toEqual([
        "pipeline a (forward): asks for it by: allow_http, url",
        "pipeline b (forward): asks for it by: security_protocol",
        "pipeline c (forward): asks for it by: url",
        "pipeline d (forward): asks for it by: ssrf_protection",
        "pipeline e (reverse): asks for it by: insecure_skip_verify",
      ]);
      expect(JSON.stringify(outcome)).not.toContain("canary");
      await session.script(
        "delete from tide.relay_outbox_config where name in ('a', 'b', 'c', 'd'); update tide.relay_inbox_config set config = config #- '{source,insecure_skip_verify}'",
      );
      expect(await objects(tid003)).toEqual([]);
    });
  });

  it("TID-004 fires on what everybody may do, and is silent when its revokes ran", async () => {
    const setup = `grant usage on schema tide to public; grant select, insert on tide.tide_outbox_messages to public;
      grant execute on function tide.outbox_publish(text, jsonb, jsonb) to public;
      create function tide."New one"(a text, b int default 1) returns int language sql as 'select 1';
      create table public.open (a int); grant select on public.open to public; grant select on tide.outbox_pending to app`;
    await within(setup, async () => {
      const outcome = await run(tid004);
      expect(objectsOf(outcome)).toEqual([
        'routine tide."New one"(a text, b integer)',
        expect.stringMatching(/^routine tide\.outbox_publish\(/),
        "schema tide",
        "table tide.tide_outbox_messages",
      ]);
      await session.script("set local role plain");
      expect(await objects(tid004)).toEqual(objectsOf(outcome));
      await session.script(`reset role; ${cure(outcome)}`);
      expect(await objects(tid004)).toEqual([]);
    });
  });

  it("TID-005 fires on owners who can log in or are superusers, and is silent when they own nothing there", async () => {
    await within(
      "alter function tide.version() owner to app; create function tide.f() returns int language sql security definer as 'select 1'",
      async () => {
        const outcome = await run(tid005);
        expect(outcome).toMatchObject({
          found: [
            { object: "role app", severity: "medium", detail: expect.stringContaining("1 objects") },
            {
              object: "role postgres",
              severity: "high",
              detail: expect.stringMatching(/1 of them functions with its rights$/),
            },
          ],
        });
        await session.script("set local role plain");
        expect(await objects(tid005)).toEqual(objectsOf(outcome));
        await session.script(
          "reset role; alter function tide.version() owner to tide_owner; alter function tide.f() owner to tide_owner",
        );
        expect(await objects(tid005)).toEqual([]);
      },
    );
  });

  it("TID-006 fires on altered, added and loosened functions, and is silent when the shipped ones are back", async () => {
    const [row] = await session.query(
      "select oid::regprocedure::text as f, pg_get_functiondef(oid) as text from pg_proc where pronamespace = 'tide'::regnamespace and prosecdef and prosrc like '%begin%' and prolang = (select oid from pg_language where lanname = 'plpgsql') order by proname limit 1",
    );
    const altered = (row?.text ?? "").replace(/\bbegin\b/i, "begin\n  perform 'canary';");
    const setup = `set local role tide_owner; ${altered};
      create function tide.backdoor() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1';
      create function tide.harmless() returns int language sql as 'select 1'; reset role;
      alter function tide.grant_publish(text, text) reset search_path`;
    await within(setup, async () => {
      const outcome = await run(tid006);
      expect(
        foundOf(outcome)
          .map(({ detail }) => detail)
          .sort(),
      ).toEqual([
        "is not one of pgkeep's functions",
        "its search path is not the shipped one",
        "its text is not the shipped one",
      ]);
      expect(JSON.stringify(outcome)).not.toContain("canary");
      await session.script(
        `drop function tide.backdoor(); ${row?.text}; alter function tide.grant_publish(text, text) set search_path = pg_catalog, pg_temp`,
      );
      expect(await objects(tid006)).toEqual([]);
    });
  });

  it("TID-006 is unknown for a schema of a newer pgkeep, and does not concern one of somebody else", async () => {
    await within("insert into tide.meta (key, value) values ('migration/9999_later.sql', 'x')", async () => {
      expect(await run(tid006)).toMatchObject({ status: "unknown", reason: "schema tide was made by a newer pgkeep" });
    });
    await within("delete from tide.meta where key like 'migration/%'", async () => {
      expect(await run(tid006)).toMatchObject({ status: "not_applicable" });
    });
  });

  it("TID-007 fires on a dead letter that is older than 90 days, and is silent when it was swept", async () => {
    const dead = (days: number) =>
      `insert into tide.relay_dlq (relay_mode, pipeline_name, source_name, sink_name, dedup_key, payload, error_kind, error_message, last_failed_at) values ('forward', 'p', 's', 's', 'k', '{}', 'decode', 'x', now() - interval '${days} days')`;
    await within(dead(89), async () => {
      expect(await objects(tid007)).toEqual([]);
    });
    await within(dead(91), async () => {
      expect(await objects(tid007)).toEqual(["tide.relay_dlq"]);
      await session.script("delete from tide.relay_dlq");
      expect(await objects(tid007)).toEqual([]);
    });
  });

  it("TID-008 fires on receivers that listen to the network without TLS, and is silent with it", async () => {
    const setup = [
      inbound("open", { listen_addr: "0.0.0.0:8080" }),
      inbound("open6", { listen_addr: "[::]:8080" }),
      inbound("default", {}),
      inbound("own", { listen_addr: "localhost:1" }),
      inbound("tls", { listen_addr: "0.0.0.0:8443", tls_cert: "${file:/c}", tls_key: "${file:/k}" }),
    ].join(";");
    await within(setup, async () => {
      expect(await objects(tid008)).toEqual(["pipeline open", "pipeline open6"]);
      await session.script(
        `update tide.relay_inbox_config set config = jsonb_set(config, '{source,listen_addr}', '"127.0.0.1:1"')`,
      );
      expect(await objects(tid008)).toEqual([]);
    });
  });

  it("PRC-006 fires on rights beyond the roles, and is silent when its revokes ran", async () => {
    const setup = `grant select, delete on tide.relay_dlq to app; grant update (config) on tide.relay_outbox_config to tide_relay;
      grant create on schema tide to tide_publisher; grant select on tide.relay_dlq to tide_reader;
      grant execute on function tide.relay_disable(text) to tide_publisher; grant usage on schema tide to app with grant option`;
    await within(setup, async () => {
      const outcome = await run(prc006);
      expect(foundOf(outcome).map(({ object, detail }) => `${object}: ${detail.split(" ", 2).join(" ")}`)).toEqual([
        expect.stringMatching(/^routine tide\.relay_disable\(.*\): "tide_publisher": EXECUTE is$/),
        'schema tide: "app": USAGE with',
        'schema tide: "tide_publisher": CREATE is',
        'table tide.relay_dlq: "app": DELETE, SELECT',
        'table tide.relay_dlq: "tide_reader": SELECT is',
        'table tide.relay_outbox_config (config): "tide_relay": UPDATE is',
      ]);
      await session.script("set local role plain");
      expect(await objects(prc006)).toEqual(objectsOf(outcome));
      await session.script(`reset role; ${cure(outcome)}`);
      expect(await objects(prc006)).toEqual([]);
    });
  });

  it("PRC-006 is silent on what the relay itself grants to applications", async () => {
    const setup = `select tide.outbox_create('orders'); select tide.grant_publish('plain', 'orders');
      grant execute on function tide.version() to plain; create role boss superuser; grant all on tide.relay_dlq to boss`;
    await within(setup, async () => {
      expect(await objects(prc006)).toEqual([]);
    });
  });

  it("[U-01] no check reads a view that somebody put in the place of a table", async () => {
    const setup = `create function public.trap() returns text language plpgsql as $$ begin raise exception 'sprung'; end $$;
      alter table tide.relay_inbox_config rename to hidden; alter table tide.relay_outbox_config rename to hidden2;
      create view tide.relay_inbox_config as select public.trap() as name, true as enabled, '{}'::jsonb as config;
      create view tide.relay_outbox_config as select public.trap() as name, true as enabled, '{}'::jsonb as config`;
    await within(setup, async () => {
      for (const check of [tid001, tid002, tid003, tid008]) {
        expect(await run(check)).toMatchObject({ status: "unknown", reason: expect.stringContaining("own table") });
      }
    });
  });
});
