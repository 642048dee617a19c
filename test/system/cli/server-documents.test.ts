/** The JSON of commands that talk to a server: it follows the published schemas, and names the server they reached. */
import { beforeAll, describe, expect, it } from "vitest";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { pgkeep } from "../../support/pgkeep.ts";
import { temporaryProject } from "../../support/project.ts";
import { schemaProblems } from "../../support/schemas.ts";

let cluster: TestCluster;
let database: string;
beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
});

const PASSING = { "__test__/test_a.sql": "select 1;" };
const FAILING = { "__test__/test_a.sql": "do $$ begin raise exception 'no'; end $$;" };

async function document(words: string[], files: Record<string, string>, target = database) {
  using project = temporaryProject(files);
  const connection = ["-h", cluster.host, "-p", String(cluster.port), "-U", "postgres", "-d", target];
  const env = { PGPASSWORD: cluster.password };
  const { stdout, status } = await pgkeep([...words, project.path, ...connection, "--json"], { env });
  return { json: JSON.parse(stdout), status };
}

const server = () => ({
  host: cluster.host,
  port: cluster.port,
  database,
  user: "postgres",
  server_version: expect.stringMatching(/^18/),
  tls: null,
});

describe("the envelope", () => {
  it.each([
    ["test", [], PASSING, "deploy.test", 0],
    ["test", [], FAILING, "deploy.test", 13],
    ["doctor", [], {}, "doctor", 0],
  ])("of %s %j with its tests %j names the server", async (word, flags, files, operation, status) => {
    const { json, status: ended } = await document([word, ...flags], files);
    expect(json.target).toEqual(server());
    expect(schemaProblems("envelope", json)).toEqual([]);
    expect(schemaProblems(operation, json.data)).toEqual([]);
    expect([json.ok, json.exit_code, ended]).toEqual([true, status, status]);
  });

  it("of a failure on the server names it too", async () => {
    const { json, status } = await document(["test", "--with-deploy"], { ...PASSING, "deploy.sql": "select nosuch;" });
    expect(schemaProblems("envelope", json)).toEqual([]);
    expect(json).toMatchObject({ ok: false, target: server(), error: { sqlstate: "42703" }, exit_code: status });
  });

  it("of a failure before there was a connection names none", async () => {
    const { json } = await document(["test"], PASSING, "no_such_database");
    expect(schemaProblems("envelope", json)).toEqual([]);
    expect(json).toMatchObject({ ok: false, target: null, error: { code: "CONNECT_DATABASE_MISSING" } });
  });

  it("of a usage error follows the schema", async () => {
    const { stdout, status } = await pgkeep(["doctor", "--nosuch", "--json"]);
    expect(schemaProblems("envelope", JSON.parse(stdout))).toEqual([]);
    expect([JSON.parse(stdout).exit_code, status]).toEqual([2, 2]);
  });
});

describe("deploy", () => {
  it("prints its report by the schema", async () => {
    const { json, status } = await document(["deploy"], {
      ...PASSING,
      "deploy.sql": "begin; call pgmi_test(); do $$ begin raise notice 'n'; end $$; commit;",
    });
    expect(status).toBe(0);
    expect(schemaProblems("deploy.run", json)).toEqual([]);
  });

  it.each([
    ["SQL that fails", { "deploy.sql": "select nosuch;" }],
    ["a test that fails", { ...FAILING, "deploy.sql": "begin; call pgmi_test(); commit;" }],
    ["metadata that is malformed", { "a.sql": "/* <pgmi-meta> */ select 1;" }],
  ])("prints its failure by the schema, for %s", async (_, files) => {
    const { json, status } = await document(["deploy"], files);
    expect(schemaProblems("failure", json)).toEqual([]);
    expect(json.exitCode).toBe(status);
    expect(status).not.toBe(0);
  });
});

describe("the schemas", () => {
  it("refuse what is not promised", () => {
    expect(schemaProblems("envelope", { schema_version: 1 })).toContain("/ must have required property 'data'");
    expect(schemaProblems("doctor", { checks: [], is_connected: true, extra: 1 })).toEqual([
      "/ must NOT have additional properties",
    ]);
  });
});
