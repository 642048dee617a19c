/** The doctor in front of real servers: what it calls fine, what it warns of, and what it could not ask. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { doctor } from "../../../src/index.ts";
import operation from "../../../src/operations/doctor.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { seededDirectory, start } from "../../support/embedded.ts";
import { freePort } from "../../support/free-port.ts";
import { temporaryDirectory, temporaryProject } from "../../support/project.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ tls: true });
  await cluster.sql(
    "create role plain login password 'plain-password'; create role barred login password 'plain-password'",
  );
  await cluster.createDatabase("shop", "owner plain");
  await cluster.sql("revoke all on database shop from public; grant connect on database shop to barred");
});
afterAll(() => cluster.stop());

type Report = Awaited<ReturnType<typeof doctor>>;
const statusOf = ({ checks }: Report, what: string) => checks.find((check) => check.what === what)?.status;
const as = (user: string) => ({ connection: `postgres://${user}:plain-password@127.0.0.1:${cluster.port}/shop` });

describe("the doctor", () => {
  it("is content with an owner over verified TLS", async () => {
    const report = await doctor({
      ...as("plain"),
      connection: `${as("plain").connection}?sslmode=verify-full&sslrootcert=${cluster.caFile}`,
    });
    expect(report.checks.filter(({ status }) => status !== "ok")).toEqual([]);
    expect(report.is_connected).toBe(true);
    expect(operation.exitCode?.(report)).toBe(0);
  });

  it("warns of a superuser and of a certificate nobody verified", async () => {
    const connection = `${cluster.url("shop")}?sslmode=require`;
    const report = await doctor({ connection });
    expect([statusOf(report, "who am I"), statusOf(report, "TLS")]).toEqual(["warn", "warn"]);
  });

  it("fails a role that may not make temporary tables, with the grant to run", async () => {
    const report = await doctor(as("barred"));
    expect(report.checks.find(({ what }) => what === "temporary tables")).toMatchObject({
      status: "fail",
      fix: 'grant temporary on database "shop" to "barred";',
    });
    expect(operation.exitCode?.(report)).toBe(20);
  });

  it("says which step to the server fails, and that the others were not asked", async () => {
    const refused = await doctor({ host: "127.0.0.1", port: await freePort(), database: "shop" });
    expect([statusOf(refused, "port"), statusOf(refused, "TLS"), statusOf(refused, "rights")]).toEqual([
      "fail",
      "unknown",
      "unknown",
    ]);
    expect(operation.exitCode?.(refused)).toBe(11);
    const nameless = await doctor({ host: "no-such-host.invalid", database: "shop" });
    expect(statusOf(nameless, "name")).toBe("fail");
    const rejected = await doctor({ connection: `postgres://plain:wrong-password@127.0.0.1:${cluster.port}/shop` });
    expect(statusOf(rejected, "authentication")).toBe("fail");
    expect(JSON.stringify(rejected)).not.toContain("wrong-password");
    const plain = createServer((socket) => socket.on("error", () => undefined).end("N")).listen(0, "127.0.0.1");
    await new Promise((resolve) => plain.once("listening", resolve));
    const port = Number(Reflect.get(Object(plain.address()), "port"));
    expect(statusOf(await doctor({ host: "127.0.0.1", port, database: "x", sslmode: "require" }), "TLS")).toBe("fail");
    plain.close();
  });

  it("takes the block of the configuration file that --env names, and the file that --config names", async () => {
    using project = temporaryProject();
    const url = new URL(cluster.url("shop"));
    const place = `env:\n  test:\n    connection:\n      host: ${url.hostname}\n      port: ${url.port}\n      database: shop\n`;
    writeFileSync(project.at("pgkeep.yaml"), place);
    const target = ({ checks }: Report) => checks.find(({ what }) => what === "target")?.detail;
    expect(target(await doctor({ path: project.path, env: "test" }))).toMatch(`${url.host}/shop`);
    const config = project.at("pgkeep.yaml");
    using elsewhere = temporaryProject();
    expect(target(await doctor({ path: elsewhere.path, config, env: "test" }))).toMatch(`${url.host}/shop`);
  });

  it("without a target says what is missing, and looks at a project all the same", async () => {
    using project = temporaryProject();
    const report = await doctor({ path: project.path });
    expect([statusOf(report, "project"), statusOf(report, "settings")]).toEqual(["ok", "fail"]);
    expect(operation.exitCode?.(report)).toBe(20);
    using empty = temporaryDirectory();
    expect(statusOf(await doctor({ path: empty.path }), "project")).toBe("fail");
  });

  it("looks at the embedded server of a project whose configuration names it, wherever it is called from", async () => {
    const directory = await seededDirectory();
    writeFileSync(join(directory, "pgkeep.yaml"), "database: embedded\n", { mode: 0o600 });
    writeFileSync(join(directory, "deploy.sql"), "select 1;\n");
    const input = { path: directory, database: "postgres" };
    const before = await doctor(input, { environment: {} });
    expect(before.is_connected).toBe(false);
    await start(directory);
    const report = await doctor(input, { environment: {} });
    expect(report.is_connected).toBe(true);
    expect(statusOf(report, "who am I")).toBe("ok");
    expect(JSON.stringify(report)).toContain("the embedded server's own role");
  });
});
