/** What a run checks before it has a server, and that its own time holds for that, too. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { PgkeepError } from "../../../../src/base/errors.ts";
import { checkOffline } from "../../../../src/deploy/run/offline.ts";
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
