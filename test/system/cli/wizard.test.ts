/** The connection wizard, in a real terminal: what it asks, what it keeps, and that leaving it changes nothing. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { pgkeep } from "../../support/pgkeep.ts";
import { temporaryProject } from "../../support/project.ts";
import { inTerminal, needsTerminal, type TerminalStep } from "../../support/terminal.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await sharedCluster();
});
beforeEach(needsTerminal);

/** In a terminal the cursor stands on "No": the arrow goes to "Yes". */
const YES = "\u001b[D\r";
const NO = "\r";
const LEAVE = "\u0003";

function answers(database: string, more: readonly TerminalStep[]): TerminalStep[] {
  return [
    { expect: "host (localhost)", type: "127.0.0.1\r" },
    { expect: "port (5432)", type: `${cluster.port}\r` },
    { expect: "username", type: "postgres\r" },
    { expect: "database", type: `${database}\r` },
    { expect: "sslmode", type: "\r" },
    ...more,
  ];
}

const password = (text = cluster.password): TerminalStep => ({ expect: "password (empty", type: `${text}\r` });

describe("deploy in a terminal, without a connection", () => {
  it("asks for one, tests it, saves settings and password, and deploys", async () => {
    using project = temporaryProject();
    const database = await cluster.createDatabase();
    const steps = answers(database, [
      password(),
      { expect: "save all but the password to pgmi.yaml", type: YES },
      { expect: "store the password in", type: YES },
    ]);
    const { status, screen, left } = await inTerminal(["deploy", "."], steps, { cwd: project.path });
    expect([status, left], screen).toEqual([0, 0]);
    expect(screen).toContain(`${database}: `);
    expect(screen).not.toContain(cluster.password);
    expect(readFileSync(project.at("pgmi.yaml"), "utf8")).toContain(`database: "${database}"`);
    expect(readFileSync(project.at("pgmi.yaml"), "utf8")).not.toContain(cluster.password);
    expect(statSync(project.at("pgmi.yaml")).mode & 0o777).toBe(0o600);
    expect(readFileSync(project.at(".pgpass"), "utf8")).toBe(
      `127.0.0.1:${cluster.port}:${database}:postgres:${cluster.password}\n`,
    );
    expect(statSync(project.at(".pgpass")).mode & 0o777).toBe(0o600);
    const again = await pgkeep(["deploy", "."], { cwd: project.path, env: { HOME: project.path } });
    expect(again.status, again.stderr).toBe(0);
  });

  it("remembers nothing that was not wanted", async () => {
    using project = temporaryProject({ "__test__/test_a.sql": "select 1;" });
    const database = await cluster.createDatabase();
    const steps = answers(database, [
      password(),
      { expect: "save all but the password", type: NO },
      { expect: "store the password in", type: NO },
    ]);
    const { status, left, screen } = await inTerminal(["test", "."], steps, { cwd: project.path });
    expect([status, left], screen).toEqual([0, 0]);
    expect([existsSync(project.at("pgmi.yaml")), existsSync(project.at(".pgpass"))]).toEqual([false, false]);
  });

  it("takes the password file's password when none is typed", async () => {
    using project = temporaryProject();
    const database = await cluster.createDatabase();
    const passwordFile = project.at(".passwords");
    writeFileSync(passwordFile, `*:*:*:*:${cluster.password}\n`, { mode: 0o600 });
    const steps = answers(database, [password(""), { expect: "save all but the password", type: NO }]);
    const env = { PGPASSFILE: passwordFile };
    const { status, left, screen } = await inTerminal(["deploy", "."], steps, { cwd: project.path, env });
    expect([status, left], screen).toEqual([0, 0]);
    expect(screen).not.toContain("store the password");
  });

  it("ends with 12 when it is left, at any question", async () => {
    using project = temporaryProject();
    for (const asked of ["host", "sslmode", "password (empty"]) {
      const all = answers("shop", [password()]);
      const at = all.findIndex(({ expect: text }) => text.startsWith(asked));
      const steps = [...all.slice(0, at), { expect: asked, type: LEAVE }];
      const { status, screen } = await inTerminal(["deploy", "."], steps, { cwd: project.path });
      expect(status, screen).toBe(12);
      expect(screen).toContain("STATE: nothing was started");
    }
    expect(existsSync(project.at("pgmi.yaml"))).toBe(false);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("ends with 130 when %s arrives at a question", async (signal) => {
    using project = temporaryProject();
    for (const asked of ["host (localhost)", "sslmode", "password (empty"]) {
      const all = answers("shop", [password()]);
      const at = all.findIndex(({ expect: text }) => text === asked);
      const steps: TerminalStep[] = [...all.slice(0, at), { expect: asked, signal }];
      const { status, screen } = await inTerminal(["deploy", "."], steps, { cwd: project.path });
      expect(status, screen).toBe(130);
    }
  });

  it("says why the connection failed, and lets the answers be changed", async () => {
    using project = temporaryProject();
    const database = await cluster.createDatabase();
    const kept = ["host (127.0.0.1)", `port (${cluster.port})`, "username (postgres)", `database (${database})`];
    const steps = [
      ...answers(database, [password("wrong-password"), { expect: "change the answers?", type: YES }]),
      ...[...kept, "sslmode"].map((text) => ({ expect: text, type: "\r" })),
      password("wrong-again"),
      { expect: "change the answers?", type: NO },
    ];
    const { status, screen, left } = await inTerminal(["deploy", "."], steps, { cwd: project.path });
    expect([status, left], screen).toEqual([11, 0]);
    expect(screen).toContain("CODE: CONNECT_PASSWORD_REJECTED");
    expect(screen).not.toMatch(/wrong-password|wrong-again/);
  });

  it.each([
    ["--force", ["deploy", ".", "--force"], {}],
    ["a host", ["deploy", ".", "-h", "127.0.0.1"], {}],
    ["a database", ["deploy", ".", "-d", "shop", "-p", "1", "-h", "127.0.0.1"], {}],
    ["PGMI_NON_INTERACTIVE", ["deploy", "."], { PGMI_NON_INTERACTIVE: "1" }],
    ["CI", ["deploy", "."], { CI: "true" }],
    ["--no-input", ["deploy", ".", "--no-input"], {}],
  ])("asks nothing with %s", async (_, words, env) => {
    using project = temporaryProject();
    const { status, screen } = await inTerminal(words, [], { cwd: project.path, env });
    expect([10, 11], screen).toContain(status);
    expect(screen).not.toContain("host (localhost)");
  });
});

describe("deploy without a terminal", () => {
  it("asks nothing, and says what is missing", async () => {
    using project = temporaryProject();
    const { status, stderr } = await pgkeep(["deploy", "."], { cwd: project.path, input: "127.0.0.1\n" });
    expect(status).toBe(10);
    expect(stderr).toContain("CODE: CONFIG_TARGET_MISSING");
  });
});
