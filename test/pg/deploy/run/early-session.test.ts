/** The session that is opened while the project is read: what is wrong with the project still comes first. */
import { beforeAll, describe, expect, it } from "vitest";
import { sharedCluster, type TestCluster } from "../../../support/cluster.ts";
import { deploy, type Files, value } from "./harness.ts";

let cluster: TestCluster;
let database: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
});

const REFUSED: Files = { "deploy.sql": "select 1;", "bad.sql": Buffer.from([0xff]) };
/** Enough files that the server has answered before the last is read. */
const LARGE = Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`a/${n}.sql`, `select ${n};\n`]));

describe("a project that is refused", () => {
  it("[CL-21] leaves no session, no lock and no word about the server", async () => {
    const { error, events } = await deploy(cluster, database, { ...LARGE, ...REFUSED });
    expect([error?.code, error?.exit, error?.parts.state]).toEqual(["DEPLOY_FILE_REFUSED", 10, "nothing was started"]);
    expect(events.filter(({ type }) => type === "connected" || type === "connect.retrying")).toEqual([]);
    const left = "select count(*)::int from pg_stat_activity where application_name = 'pgmi'";
    expect(await value(cluster, database, left)).toBe(0);
  });

  it.each([
    ["a password that is wrong", { password: "wrong" }],
    ["a server that is not there", { port: 1 }],
    ["a role that does not exist", { user: "nobody_of_that_name" }],
  ])("is refused as such beside %s", async (_, options) => {
    const { error, events } = await deploy(cluster, database, { ...LARGE, ...REFUSED }, options);
    expect(error?.code).toBe("DEPLOY_FILE_REFUSED");
    expect(events.filter(({ type }) => type === "connect.retrying")).toEqual([]);
  });

  it("[CL-18] makes no database that is missing", async () => {
    const { error } = await deploy(cluster, "never_made", { ...LARGE, ...REFUSED });
    expect(error?.code).toBe("DEPLOY_FILE_REFUSED");
    expect(await value(cluster, database, "select count(*)::int from pg_database where datname = 'never_made'")).toBe(
      0,
    );
  });
});

describe("a project that is good", () => {
  it("is told what is wrong with the connection, however early that was known", async () => {
    const { error, events } = await deploy(cluster, database, { ...LARGE, "deploy.sql": "" }, { password: "wrong" });
    expect([error?.code, error?.parts.state]).toEqual(["CONNECT_PASSWORD_REJECTED", "not connected"]);
    expect(events.filter(({ type }) => type === "connected")).toEqual([]);
  });

  it("is told when the role may not make temporary objects", async () => {
    await cluster.sql(
      `create role without_temp login password 'p'; revoke temporary on database ${database} from public`,
    );
    try {
      const { error } = await deploy(cluster, database, { "deploy.sql": "" }, { user: "without_temp", password: "p" });
      expect([error?.code, error?.parts.sqlstate]).toEqual(["DEPLOY_PREPARATION_FAILED", "42501"]);
      expect(error?.parts.hint).toBe(`Run: grant temporary on database "${database}" to "without_temp";`);
    } finally {
      await cluster.sql("drop role without_temp");
    }
  });
});
