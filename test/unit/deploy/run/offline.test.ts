/** What a run checks before it has a server, and that its own time holds for that, too. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { PgkeepError } from "../../../../src/base/errors.ts";
import { loadSettings } from "../../../../src/config/settings.ts";
import { checkOffline, wantsEmbedded } from "../../../../src/deploy/run/offline.ts";
import { failureOf, temporaryDirectory } from "../../../support/project.ts";

describe("a params file that is a pipe without a writer", () => {
  const runWith = (directory: string, timeout: string, signal = new AbortController().signal) =>
    checkOffline(
      { path: ".", paramsFile: ["pipe"], connection: "postgresql://u@127.0.0.1:1/d", timeout },
      { workingDirectory: directory, environment: {}, clock: systemClock, signal, report: () => undefined },
    );

  it("[D-06] ends the run when its time has passed", async () => {
    using directory = temporaryDirectory({ "deploy.sql": "select 1" });
    execFileSync("mkfifo", [directory.at("pipe")]);
    expect(await failureOf(() => runWith(directory.path, "100ms"))).toMatchObject({
      code: "DEPLOY_TIMEOUT",
      exit: 16,
      parts: { state: "nothing was started", hint: expect.stringContaining("the pipe that --params-file names") },
    });
  });

  it("[D-06] ends with the interrupt's own reason, whatever the time", async () => {
    using directory = temporaryDirectory({ "deploy.sql": "select 1" });
    execFileSync("mkfifo", [directory.at("pipe")]);
    const controller = new AbortController();
    const reason = new PgkeepError("COMMAND_INTERRUPTED", "interrupted");
    const running = runWith(directory.path, "5m", controller.signal);
    setTimeout(() => controller.abort(reason), 50);
    await expect(running).rejects.toBe(reason);
  });
});

describe("the embedded server that a configuration file asks for", () => {
  const wanted = async (environment: Record<string, string>): Promise<boolean> => {
    using directory = temporaryDirectory({ "pgkeep.yaml": "database: embedded\n" });
    const settings = await loadSettings({
      projectDirectory: directory.path,
      workingDirectory: directory.path,
      environment,
    });
    return wantsEmbedded({}, settings);
  };

  it.each([
    ["PGKEEP_CONNECTION_STRING", "postgresql://u@db/shop"],
    ["PGMI_CONNECTION_STRING", "postgresql://u@db/shop"],
    ["DATABASE_URL", "postgresql://u@db/shop"],
    ["PGHOST", "db"],
    ["PGHOSTADDR", "10.0.0.5"],
    ["PGSERVICE", "shop"],
  ])("gives way to the server that %s names", async (variable, value) => {
    expect(await wanted({ [variable]: value })).toBe(false);
  });

  it("is used when variables only say more about a server", async () => {
    expect(await wanted({ PGPORT: "5433", PGDATABASE: "shop" })).toBe(true);
  });
});
