/** `pgkeep access paths` as a person runs it: what it shows, how it ends, and what it says it could not see. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import renderer from "../../../src/cli/renderers/access.paths.ts";
import accessPaths from "../../../src/operations/access.paths.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";
import { viewOf } from "../../support/view.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
  await cluster.sql(`create role "app
two" login; create role app login password 'a password'; create role boss; create table public.thing (); alter table public.thing owner to boss;
    grant boss to app with inherit false, set true; grant pg_execute_server_program to "app
two"`);
});
afterAll(async () => {
  await cluster.stop();
});
const run = (input: Parameters<typeof accessPaths.run>[0] = {}) =>
  runOperation(accessPaths, { connection: cluster.url(), ...input });

describe("access paths", () => {
  it("shows each path by its steps, and the statement that closes it", async () => {
    const { output, exitCode } = await run({ role: "app" });
    expect(exitCode).toBe(0);
    expect(renderer.result?.(output, viewOf())).toBe(
      `postgres: 1 path from 1 role that can log in

"app" -> the privileges of "boss"   at any time
  1  "app" is a member of "boss" and may SET ROLE to it
  closed by: revoke "boss" from "app" granted by "postgres"

objects of other databases were not looked at: template1
`,
    );
  });

  it("ends with 20 when a path reaches what --fail-on names, and a superuser has everything", async () => {
    expect((await run({ failOn: "superuser" })).exitCode).toBe(20);
    expect((await run({ failOn: "secrets" })).exitCode).toBe(20);
    expect((await run({ failOn: "superuser", role: "app" })).exitCode).toBe(0);
    expect((await run({ failOn: "owner", role: "app" })).exitCode).toBe(20);
    expect((await run({ failOn: "owner", role: "app", goalsOnly: true })).exitCode).toBe(0);
  });

  it("says what it could not look at, and ends with 21 for it when strict", async () => {
    const connection = `postgresql://app:a%20password@127.0.0.1:${cluster.port}/postgres`;
    const { output, exitCode } = await run({ connection, strict: true });
    expect(exitCode).toBe(21);
    expect(output.unknown.map(({ target }) => target)).toEqual(["secrets", "replication"]);
    expect(renderer.result?.(output, viewOf())).toContain("? secrets: not all ways were looked at");
  });

  it("names the nearest role when there is none of that name", async () => {
    await expect(run({ role: "bos" })).rejects.toMatchObject({
      code: "CONFIG_VALUE_INVALID",
      parts: { hint: 'Did you mean "boss"?' },
    });
  });

  it("draws paths, with names as labels only", async () => {
    const { output } = await run();
    const dot = await renderer.formats?.dot?.(output);
    const mermaid = await renderer.formats?.mermaid?.(output);
    expect(dot).toContain('label="\\"app⏎two\\""');
    expect(mermaid).toContain('["#34;app⏎two#34;"]');
    for (const text of [dot, mermaid]) expect(text).not.toContain("app\ntwo");
  });
});
