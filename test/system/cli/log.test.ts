/** What stderr tells at each level and in each form, and when a pager is used. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { pgkeep } from "../../support/pgkeep.ts";
import { temporaryProject } from "../../support/project.ts";
import { inTerminal, needsTerminal } from "../../support/terminal.ts";

describe("the log of a deploy", () => {
  let cluster: TestCluster;
  let database: string;
  beforeAll(async () => {
    cluster = await sharedCluster();
    database = await cluster.createDatabase();
  });

  const SCRIPT = "do $$ begin raise debug 'whisper'; raise notice 'spoken'; end $$;";

  async function deploy(flags: string[], script = SCRIPT) {
    using project = temporaryProject({ "deploy.sql": script });
    const target = ["-h", cluster.host, "-p", String(cluster.port), "-U", "postgres", "-d", database];
    // The parameter's name asks for a warning.
    const words = ["deploy", project.path, ...target, "--param", "api_token=abcdefgh", ...flags];
    return await pgkeep(words, { env: { PGPASSWORD: cluster.password } });
  }

  it.each([
    ["error", []],
    ["warn", ["warning"]],
    ["info", ["warning", "spoken"]],
    ["debug", ["warning", "spoken", "whisper"]],
  ])("at --log-level %s tells %j", async (level, told) => {
    for (const form of [[], ["--log-format", "json"]]) {
      const { status, stderr } = await deploy(["--log-level", level, ...form]);
      expect(status, stderr).toBe(0);
      expect(["warning", "spoken", "whisper"].filter((word) => stderr.includes(word))).toEqual(told);
      expect(stderr).not.toContain("abcdefgh");
    }
  });

  it("as JSON is one object per line, with how it ended last", async () => {
    const { stderr } = await deploy(["--log-format=json"]);
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => event)).toContain("deploy.notice");
    expect(lines.at(-1)).toMatchObject({ level: "info", event: "command.done", exit_code: 0 });
    for (const { t } of lines) expect(t).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    const failed = await deploy(["--log-format=json", "--log-level=error"], "select nosuch;");
    const error = { code: "DEPLOY_SQL_FAILED", sqlstate: "42703" };
    expect(
      failed.stderr
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ level: "error", event: "command.failed", exit_code: 13, error }]);
  });
});

describe("a long result in a terminal", () => {
  beforeEach(needsTerminal);

  it.each([
    ["goes through the pager", 10, {}, true],
    ["that fits on the screen does not", 300, {}, false],
    ["does not in CI", 10, { CI: "true" }, false],
    ["does not when the pager is cat", 10, { PGMI_PAGER: "cat" }, false],
  ])("%s", async (_, rows, more, paged) => {
    using project = temporaryProject();
    const env = { PAGER: "sed s/^/PAGED_/", ...more };
    const { status, screen } = await inTerminal(["ai"], [], { cwd: project.path, env, rows });
    expect(status).toBe(0);
    expect(screen.includes("PAGED_A project is"), screen).toBe(paged);
    expect(screen).toContain("A project is");
  });

  it("is printed when the pager cannot be started", async () => {
    using project = temporaryProject();
    const env = { PAGER: "no-such-pager-here" };
    const { status, screen } = await inTerminal(["ai"], [], { cwd: project.path, env, rows: 10 });
    expect([status, screen]).toEqual([0, expect.stringContaining("A project is")]);
  });

  it("never is paged where it is no terminal", async () => {
    const { stdout } = await pgkeep(["ai"], { env: { PAGER: "sed s/^/PAGED_/" } });
    expect(stdout).toMatch(/^A project is/);
  });
});
