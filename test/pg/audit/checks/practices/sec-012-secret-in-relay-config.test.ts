/** SEC-012, on the relay's real schema: literal secrets by pipeline and place, whoever may not see all gets no answer. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import sec012 from "../../../../../src/audit/checks/practices/sec-012-secret-in-relay-config.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { installTide } from "../../../../support/tide.ts";

const CANARY = "canary-relay-90ff";

/** What somebody wrote past the relay's own functions, which refuse it. */
const DEFECT = `
  insert into tide.relay_outbox_config (name, config) values
    ('My "orders"', '{"sink": {"password": "${CANARY}", "brokers": [{"url": "amqp://u:${CANARY}@b/"}]}}'),
    ('keys', '{"tls": "-----BEGIN PRIVATE KEY-----${CANARY}"}');
  insert into tide.relay_inbox_config (name, config) values ('hook', '{"auth": {"token": ["${CANARY}"], "api_key": 12345}}');
  insert into tide.relay_pipeline_templates (name, config) values ('mine', '{"config": {"secret": "${CANARY}"}}')`;

const LOOK_ALIKE = `
  insert into tide.relay_outbox_config (name, config) values
    ('fine', '{"password": "\${env:PW}", "token": "\${file:/run/token}", "authorization": "Bearer \${ENV:T}", "secret": "",
               "url": "amqp://u:\${env:PW}@b/", "plain_url": "https://u@b:443/x", "partition_key": "abc", "token_ttl": 5,
               "credentials_file": "/x", "api_key": null, "tokens": ["x"]}')`;

const FOUND = [
  "relay_outbox_config keys: tls",
  `relay_outbox_config "My ""orders""": sink.password`,
  `relay_outbox_config "My ""orders""": sink.brokers.0.url`,
  "relay_inbox_config hook: auth.token.0",
  "relay_inbox_config hook: auth.api_key",
  "relay_pipeline_templates mine: config.secret",
].sort();

describe.each(availableMajors())("SEC-012 on PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  let session: Session;

  beforeAll(async () => {
    cluster = await startCluster({ major });
    session = await connectTo(cluster, { database: await cluster.createDatabase("with_tide") });
    await installTide(session);
    await session.script("create role weak login; grant usage on schema tide to weak");
  });

  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  it("names pipeline and place of every literal secret, and no secret", async () => {
    await session.script(`begin; ${DEFECT}`);
    const outcome = await outcomeOn(session, sec012);
    await session.script("rollback");
    expect(objectsOf(outcome)).toEqual(FOUND);
    expect(JSON.stringify(outcome)).not.toContain(CANARY);
  });

  it("is silent on references, on names that are about secrets, and on the templates that the relay brings", async () => {
    await session.script(`begin; ${LOOK_ALIKE}`);
    const outcome = await outcomeOn(session, sec012);
    await session.script("rollback");
    expect(outcome).toEqual({ status: "pass" });
  });

  it("is silent when the values were replaced by references", async () => {
    await session.script(`begin; ${DEFECT};
      update tide.relay_outbox_config set config = '{"sink": {"password": "\${env:PW}"}}';
      update tide.relay_inbox_config set config = '{"auth": {"token": ["\${env:T}"]}}';
      update tide.relay_pipeline_templates set config = '{"config": {"secret": "{{secret}}"}}' where name = 'mine'`);
    const outcome = await outcomeOn(session, sec012);
    await session.script("rollback");
    expect(outcome).toEqual({ status: "pass" });
  });

  it("is unknown without SELECT, and where row security hides pipelines", async () => {
    await session.script(`begin; ${DEFECT}; set local role weak`);
    expect(await outcomeOn(session, sec012)).toMatchObject({
      status: "unknown",
      reason: expect.stringContaining("select"),
    });
    await session.script("reset role; grant select on all tables in schema tide to weak; set local role weak");
    expect(await outcomeOn(session, sec012)).toMatchObject({
      status: "unknown",
      reason: expect.stringContaining("row security"),
    });
    await session.script("rollback");
  });

  it("does not concern a database without the relay, nor a view in its place", async () => {
    await using other = await connectTo(cluster);
    expect(await outcomeOn(other, sec012)).toMatchObject({ status: "not_applicable" });
    await other.script(`begin; create schema tide; create function tide.boom() returns text language plpgsql as
      'begin raise exception ''ran''; end';
      create view tide.relay_outbox_config as select tide.boom() as name, '{}'::jsonb as config`);
    expect(await outcomeOn(other, sec012)).toMatchObject({ status: "not_applicable" });
    await other.script("rollback");
  });
});
