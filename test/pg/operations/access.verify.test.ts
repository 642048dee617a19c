/** `access verify` as an operation: what apply made is proved by trying it, and the logins of the file are used. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import accessApply from "../../../src/operations/access.apply.ts";
import accessVerify from "../../../src/operations/access.verify.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";
import { temporaryDirectory } from "../../support/project.ts";
import { MODEL } from "../access/verify/fixture.ts";

const SECRETS = { MIGRATION_PASSWORD: "m", APP_PASSWORD: "a", OWNER_PASSWORD: "o", READER_PASSWORD: "r" };

describe.each(availableMajors())("access verify on PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
  });
  afterAll(() => cluster.stop());

  async function applyAndVerify(
    model: string,
    extra: Record<string, unknown> = {},
    environment: Record<string, string> = {},
  ) {
    using files = temporaryDirectory({ "access.yaml": model });
    const connection = { host: cluster.host, port: cluster.port, username: "postgres", sslmode: "disable" };
    const context = {
      workingDirectory: files.path,
      environment: { ...SECRETS, PGPASSWORD: cluster.password, HOME: files.path, ...environment },
    };
    await runOperation(accessApply, { ...connection, yes: true }, context);
    return await runOperation(accessVerify, { ...connection, ...extra }, context);
  }

  it.each(["guide-001", "three-tier"])("finds nothing wrong in what apply made of profile %s", async (profile) => {
    const database = `profile_${profile.replace("-", "_")}`;
    const { output, exitCode } = await applyAndVerify(`version: 1\ndatabase: ${database}\nprofile: ${profile}\n`);

    expect(output.probes.filter(({ result }) => result === "fail" || result === "unknown")).toEqual([]);
    expect(output.counts.pass).toBeGreaterThan(50);
    expect(exitCode).toBe(0);
  });

  it("finds nothing wrong in what apply made of a model with objects, and uses its logins", async () => {
    await cluster.createDatabase("shop");
    await cluster.sql(
      `create schema app; create table app.orders (id serial, owner text); create table app.users (id int, name text, email text);
       create table app.secret_settings (key text); create function app.total() returns int language sql as 'select 1'`,
      { database: "shop" },
    );
    const model = MODEL.replace("app: { login: true,", 'app: { login: true, password: "${env:APP_PASSWORD}",');
    const { output } = await applyAndVerify(
      `${model}verify: { logins: { app: "\${env:APP_URL}" } }\n`,
      { strict: true },
      { APP_URL: `postgresql://app:a@${cluster.host}:${cluster.port}/shop?sslmode=disable` },
    );
    const failed = output.probes
      .filter(({ result }) => result === "fail")
      .map(({ action, object }) => `${action} ${object}`);

    // The test's server has no TLS, and lets everybody into its other databases.
    expect(failed.filter((each) => !each.startsWith("use TLS") && !each.startsWith("connect database"))).toEqual([]);
    expect(output.probes).toContainEqual(expect.objectContaining({ role: "app", action: "log in", result: "pass" }));
    expect(JSON.stringify(output)).not.toContain(cluster.password);
    expect(output.state).toBe("rolled back; nothing was changed");
  });

  it("refuses a login whose address has no value before it connects", async () => {
    const model = `version: 1\ndatabase: nowhere\nroles: { r: { login: true } }\nverify: { logins: { r: "\${env:NOT_SET}" } }\n`;
    using files = temporaryDirectory({ "access.yaml": model });
    const verified = runOperation(accessVerify, { host: "127.0.0.1", port: 1 }, { workingDirectory: files.path });

    await expect(verified).rejects.toMatchObject({ code: "CONFIG_REFERENCE_UNRESOLVED" });
  });
});
