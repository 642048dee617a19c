/**
 * Promises that only the whole program can keep: what a deploy shows, to whom it talks, and what it says it did.
 */
import { spawn } from "node:child_process";
import { createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { BIN, pgkeep, pgkeepStarted } from "../../support/pgkeep.ts";
import { temporaryDirectory, temporaryProject } from "../../support/project.ts";

const CANARY = "canary-7Qx1-value";
/** A URL of the cluster whose password is in a variable of its own, as in a pipeline. */
const environment = (cluster: TestCluster, database: string) => ({ DATABASE_URL: cluster.url(database) });

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await sharedCluster();
});

describe("the report of a deploy", () => {
  it("[D-10] says into which database what was deployed, and equals what the database holds", async () => {
    using project = temporaryProject({
      "deploy.sql":
        "begin;\ncreate table public.one (id int);\ncall pgmi_test();\ncommit;\ninsert into public.one values (1);\n",
      "__test__/test_one.sql": "do $$ begin perform from public.one; end $$;",
    });
    const database = await cluster.createDatabase();
    const env = environment(cluster, database);
    const { status, stdout } = await pgkeep(["deploy", project.path, "--json"], { env });
    expect(status, stdout).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ status: "success", database, testMacros: 1, unitsCommitted: 2 });
    expect(report.tests).toMatchObject([{ path: "./__test__/test_one.sql", result: "passed" }]);
    expect(await cluster.sql("select count(*)::int as rows from public.one", { database })).toEqual([{ rows: 1 }]);
  });

  it("[D-10] of a refused deploy says so, and the database holds nothing of it", async () => {
    using project = temporaryProject({ "deploy.sql": "create table public.one (id int);\nselect 1/0;\n" });
    const database = await cluster.createDatabase();
    const { status, stdout } = await pgkeep(["deploy", project.path, "--json"], {
      env: environment(cluster, database),
    });
    expect(status).toBe(13);
    expect(JSON.parse(stdout)).toMatchObject({ status: "failed", exitCode: 13, sqlstate: "22012", unitsCommitted: 0 });
    expect(await cluster.sql("select to_regclass('public.one')::text as made", { database })).toEqual([{ made: null }]);
  });

  it("[D-10] is on record after kill -9, which says that nobody knows how it ended", async () => {
    using project = temporaryProject({ "deploy.sql": "select pg_sleep(60) /* recorded */;" });
    using state = temporaryDirectory();
    const database = await cluster.createDatabase();
    const env = { ...environment(cluster, database), XDG_STATE_HOME: state.path };
    const { child, finished } = pgkeepStarted(["deploy", project.path], { env });
    const busy = "select count(*)::int as n from pg_stat_activity where datname = $1 and query like '%recorded%'";
    await vi.waitUntil(async () => (await cluster.sql(busy, { values: [database] }))[0].n > 0, 30_000);
    const show = async () => JSON.parse((await pgkeep(["runs", "show", "last", "--json"], { env })).stdout).data;
    expect(await show()).toMatchObject({ result: "running", database, pid: child.pid, state: null, find_out: null });
    child.kill("SIGKILL");
    await finished;
    const run = await show();
    expect(run).toMatchObject({ result: "ended without a result", exit_code: null, state: null });
    const [, query = ""] = /(select .*);/.exec(run.find_out) ?? [];
    expect(await cluster.sql(query)).toBeInstanceOf(Array);
    expect((await pgkeep(["runs", "show", "last"], { env })).stdout).toContain(
      "unknown: the run was killed or crashed",
    );
  });

  it("[D-10] is not kept under the name of the reference", async () => {
    using project = temporaryProject({ "deploy.sql": "select 1;" });
    using state = temporaryDirectory();
    const env = { ...environment(cluster, await cluster.createDatabase()), XDG_STATE_HOME: state.path };
    expect((await pgkeep(["pgmi", "deploy", project.path], { env })).status).toBe(0);
    expect((await pgkeep(["runs", "list"], { env })).stdout).toBe("no deploy has left a record yet\n");
    expect((await pgkeep(["deploy", project.path], { env })).status).toBe(0);
    expect((await pgkeep(["runs", "list", "--fields", "result,files"], { env })).stdout).toContain("success");
  });

  it("[D-17] counts parameters and holds neither their names nor their values, in any format", async () => {
    using project = temporaryProject({
      "deploy.sql": "do $$ begin raise notice 'got %', current_setting('pgmi.carrier_key'); end $$;\n",
      "secret.env": `carrier_key=${CANARY}\n`,
    });
    const env = environment(cluster, await cluster.createDatabase());
    for (const format of ["human", "json", "ndjson", "tap", "junit", "github"]) {
      const words = ["deploy", project.path, "--format", format, "--verbose"];
      const { status, stdout, stderr } = await pgkeep([...words, "--params-file", `${project.path}/secret.env`], {
        env,
      });
      expect(status, stderr).toBe(0);
      expect(stdout + stderr, format).not.toContain(CANARY);
      expect(stdout + stderr, format).not.toContain("carrier_key");
      expect(stderr, "the notice itself is there").toContain("got [secret]");
    }
  });

  it("[D-16] passes on notices without escape sequences and without commands of a pipeline", async () => {
    using project = temporaryProject({
      "deploy.sql": [
        "do $$ begin",
        "  raise notice E'\\x1b[31mred \\x1b]52;c;aGk=\\x07';",
        "  raise notice E'first\\n::error file=a::forged';",
        "  raise notice '::set-output name=a::b';",
        "  raise notice '##vso[task.setvariable variable=a]b';",
        "  raise notice '##teamcity[buildStatus]';",
        "  raise notice E'\\u202egnp.exe';",
        "end $$;",
      ].join("\n"),
    });
    const env = { ...environment(cluster, await cluster.createDatabase()), CI: "true" };
    const { status, stderr } = await pgkeep(["deploy", project.path], { env });
    expect(status, stderr).toBe(0);
    expect(stderr).toContain("\\u{1b}[31mred");
    expect(stderr).toContain("forged");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not come through.
    expect(stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(stderr).not.toMatch(/^\s*::/m);
    expect(stderr).not.toMatch(/##(vso|teamcity)?\[|##(vso|teamcity)/);
  });
});

describe("a deploy to a server that is not the right one", () => {
  const received: Buffer[] = [];
  const sockets = new Set<Socket>();
  let server: Server;
  let port: number;

  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      let hasStarted = false;
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => {
        received.push(bytes);
        // SSLRequest is 8 bytes; "N" is no TLS. The startup packet is answered by "send me the password in clear text".
        if (!hasStarted && bytes.length === 8) socket.write("N");
        else if (!hasStarted) {
          hasStarted = true;
          socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    port = typeof address === "object" && address !== null ? address.port : 0;
  });

  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it("[D-12] ends without sending the password or a line of the project", async () => {
    using project = temporaryProject({ "deploy.sql": "select 'line of the project';\n" });
    const env = { PGPASSWORD: CANARY };
    const where = ["-h", "127.0.0.1", "-p", String(port), "-U", "app", "-d", "shop"];
    const { status, stdout, stderr } = await pgkeep(["deploy", project.path, ...where, "--json"], { env });
    expect(status, stderr).toBe(11);
    expect(JSON.parse(stdout)).toMatchObject({ code: "CONNECT_CLEARTEXT_REFUSED" });
    const sent = Buffer.concat(received).toString("latin1");
    expect(sent).toContain("app");
    expect(sent).not.toContain(CANARY);
    expect(sent).not.toContain("line of the project");
  });
});

describe("a command that waits for a server which never answers", () => {
  const sockets = new Set<Socket>();
  const tarpit = createServer((socket) => sockets.add(socket.on("error", () => undefined)));
  let where: string[];

  beforeAll(async () => {
    await new Promise<void>((resolve) => tarpit.listen(0, "127.0.0.1", resolve));
    const address = tarpit.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    where = ["-h", "127.0.0.1", "-p", String(port), "-U", "app", "-d", "shop", "--json"];
  });

  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    tarpit.close();
  });

  it("ends at its --timeout, with a status of its own", async () => {
    const { status, stdout } = await pgkeep(["doctor", ...where, "--timeout", "700ms"]);
    expect(JSON.parse(stdout).error).toMatchObject({ code: "COMMAND_TIMEOUT", retryable: true });
    expect(status).toBe(16);
  });

  it("ends when it is interrupted, and says that it did not finish", async () => {
    const before = sockets.size;
    const child = spawn(process.execPath, [BIN, "doctor", ...where], { env: { PATH: process.env.PATH } });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    await vi.waitUntil(() => sockets.size > before, { timeout: 30_000 });
    child.kill("SIGINT");
    const status = await new Promise((resolve) => child.once("close", resolve));
    expect(JSON.parse(stdout).error).toMatchObject({
      code: "COMMAND_INTERRUPTED",
      state: expect.stringContaining("not"),
    });
    expect(status).toBe(130);
  });
});

describe("a session API level that does not exist", () => {
  it("is refused before anything is connected to", async () => {
    using project = temporaryProject({ "deploy.sql": "select 1;" });
    const words = ["deploy", project.path, "--compat", "9", "-h", "127.0.0.1", "-p", "1", "-d", "shop", "--json"];
    const { status, stdout } = await pgkeep(words);
    expect(JSON.parse(stdout)).toMatchObject({ status: "failed", code: "DEPLOY_COMPAT_UNKNOWN" });
    expect(status).toBe(10);
  });
});

describe("the version", () => {
  it("[S-09] says which build this is, of which commit and date, without a network", async () => {
    const { status, stdout } = await pgkeep(["version", "--json"]);
    expect(status).toBe(0);
    const { data } = JSON.parse(stdout);
    expect(data.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(data.commit).toMatch(/^([0-9a-f]{12}|unknown)$/);
    expect(data.built === "unknown" || !Number.isNaN(Date.parse(data.built))).toBe(true);
  });
});
