/** Our own embedded server, recognised when it is reached by a connection string. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import deployRun from "../../../src/operations/deploy.run.ts";
import { isEmbeddedServer } from "../../../src/pg/embedded/recognise.ts";
import { projectDirectory, seededDirectory, start } from "../../support/embedded.ts";
import { runOperation } from "../../support/operation.ts";

describe("the string of `db url`", () => {
  it("reaches a server that is known as ours, so that its only role is no exposure", async () => {
    const directory = await seededDirectory();
    const { url } = await start(directory);
    const project = projectDirectory();
    writeFileSync(join(project, "deploy.sql"), "select 1;");
    const { output: report } = await runOperation(
      deployRun,
      { path: project, connection: url, strictSecrets: true },
      { workingDirectory: project },
    );
    expect([report.status, report.warnings]).toEqual(["success", []]);
  });
});

describe("an embedded server", () => {
  it("is not recognised by a name that anybody can give: other ports, links, directories open to others", async () => {
    const directory = await seededDirectory();
    const { socketDir, port } = await start(directory);
    const reached = { host: socketDir, port, user: "postgres" };
    expect(await isEmbeddedServer(reached, [])).toBe(true);
    expect(await isEmbeddedServer({ ...reached, port: port + 1 }, [])).toBe(false);
    expect(await isEmbeddedServer({ ...reached, user: "root" }, [])).toBe(false);

    const fake = projectDirectory();
    symlinkSync(join(directory, ".pgkeep"), join(fake, ".pgkeep"));
    expect(await isEmbeddedServer({ ...reached, host: join(fake, ".pgkeep/run") }, [])).toBe(false);
    const empty = projectDirectory();
    mkdirSync(join(empty, ".pgkeep/run"), { recursive: true });
    expect(await isEmbeddedServer({ ...reached, host: join(empty, ".pgkeep/run") }, [empty])).toBe(false);

    chmodSync(join(directory, ".pgkeep"), 0o777);
    expect(await isEmbeddedServer(reached, [directory])).toBe(false);
    chmodSync(join(directory, ".pgkeep"), 0o710);
  });
});
