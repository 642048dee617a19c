/**
 * [U-02] Secrets of the audited server stay there: checks learn that there is one and where, and the server sends nothing
 * else. Proved on everything that it sends while they run, and on everything that they find.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkEntries } from "../../../src/audit/checks/catalogue.ts";
import { LiveFacts } from "../../../src/audit/facts/live-facts.ts";
import { ALL_SETTINGS } from "../../../src/audit/facts/settings.ts";
import type { CheckOutcome } from "../../../src/audit/run/result.ts";
import { runCheck } from "../../../src/audit/run/run-check.ts";
import type { Session } from "../../../src/pg/session.ts";
import { LOCAL_LINE, NOON } from "../../support/audited.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { installTide } from "../../support/tide.ts";

/** One per kind of place; each must be found by the check beside it. */
const CANARIES = {
  "SEC-001": "canary1-mapping-5f0a",
  "SEC-002": "canary2-server-77bc",
  "SEC-003": "canary3-subscription-90de",
  "SEC-004": "canary4-standby-1b2c",
  "SEC-005": "canary5-setting-3d4e",
  "SEC-006": "canary6-body-5f60",
  "SEC-007": "canary7-comment-7182",
  "SEC-008": "canary8-command-93a4",
  "SEC-011": "canary9-statistics-b5c6",
  "SEC-012": "canary10-relay-d7e8",
  "SEC-013": "canary11-role-f90a",
} as const;

const OBJECTS = `
  create role lab_r; create schema lab; create table lab.t (id int);
  create foreign data wrapper lab_w; create server lab_s foreign data wrapper lab_w options (password '${CANARIES["SEC-002"]}');
  create user mapping for lab_r server lab_s options (user 'x', password '${CANARIES["SEC-001"]}');
  create subscription lab_sub connection 'host=203.0.113.1 password=${CANARIES["SEC-003"]}' publication p with (connect = false);
  alter role lab_r set app.jwt_secret = '${CANARIES["SEC-005"]}';
  create function lab.f(name text) returns void language plpgsql security definer
    as $$ begin execute 'alter role x password ''${CANARIES["SEC-006"]}''' || name; perform md5(password) from lab.t; end $$;
  comment on table lab.t is 'password: ${CANARIES["SEC-007"]}';
  comment on role lab_r is 'password: ${CANARIES["SEC-013"]}';
  insert into tide.relay_outbox_config (name, config) values ('p', '{"password": "${CANARIES["SEC-012"]}"}');
  create extension pg_stat_statements schema lab;
  create role lab_login password '${CANARIES["SEC-011"]}'`;

const SETTINGS = {
  primary_conninfo: `host=203.0.113.1 password=${CANARIES["SEC-004"]}`,
  restore_command: `PGPASSWORD=${CANARIES["SEC-008"]} cp %f %p`,
};

describe.each(availableMajors())("[U-02] PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  let session: Session;
  const outcomes = new Map<string, CheckOutcome>();
  const sent: string[] = [];

  beforeAll(async () => {
    cluster = await startCluster({ major, settings: { shared_preload_libraries: "pg_stat_statements", ...SETTINGS } });
    session = await connectTo(cluster);
    await installTide(session);
    // Each by itself: the extension keeps statements, not scripts, only from their own texts.
    for (const statement of OBJECTS.split(/;\n/)) await session.script(statement);
    const facts = await LiveFacts.of(recorded(session, sent), {
      now: NOON,
      declared: {},
      line: LOCAL_LINE,
      settings: [await recorded(session, sent).query(ALL_SETTINGS)],
    });
    for (const { id, load } of checkEntries()) {
      if (/^(FUN|RLS|AUD|SEC)-/.test(id)) outcomes.set(id, await runCheck(await load(), facts));
    }
  });

  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  it.each(Object.keys(CANARIES))("%s finds the secret that was planted for it", (id) => {
    expect(outcomes.get(id)).toMatchObject({ status: "fail" });
  });

  it.each(Object.values(CANARIES))("%s is in no finding, no reason and no fix", (canary) => {
    for (const [id, outcome] of outcomes)
      expect([id, JSON.stringify(outcome)]).toEqual([id, expect.not.stringContaining(canary)]);
  });

  it.each(Object.values(CANARIES))("%s was not even sent by the server", (canary) => {
    expect(sent.length).toBeGreaterThan(40);
    expect(sent.filter((rows) => rows.includes(canary))).toEqual([]);
  });
});

/** The session, and a copy of every answer in `sent`. */
function recorded(session: Session, sent: string[]): Session {
  const query: Session["query"] = async (text, values) => {
    const rows = await session.query(text, values);
    sent.push(JSON.stringify(rows));
    return rows;
  };
  return new Proxy(session, {
    get: (target, name) => {
      if (name === "query") return query;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
