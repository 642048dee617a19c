/** `access password ROLE`: the role can log in, the rest of the server knows nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import operation from "../../../src/operations/access.password.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";

let cluster: TestCluster;
let home: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "pgkeep-home-"));
  cluster = await startCluster({ major: 18, settings: { shared_preload_libraries: "passwordcheck" } });
  await cluster.sql("create role app login; create role same_name login; create role other login");
  await cluster.sql("create role plain login password 'first-secret-1'");
});
afterAll(async () => {
  await cluster.stop();
  rmSync(home, { recursive: true });
});

const run = (input: Record<string, unknown>, password: string, connection = cluster.url()) =>
  runOperation(operation, { from: "${env:P}", connection, ...input }, { environment: { P: password, HOME: home } });

describe("access password with a role", () => {
  it("gives the role the password, once", async () => {
    expect((await run({ role: "app" }, "correct horse")).output).toEqual({ role: "app", outcome: "set" });
    expect(await cluster.sql("select 1 as one", { user: "app", password: "correct horse" })).toEqual([{ one: 1 }]);
    const [before] = await cluster.sql("select rolpassword from pg_authid where rolname = 'app'");
    expect((await run({ role: "app" }, "correct horse")).output).toEqual({ role: "app", outcome: "unchanged" });
    expect(await cluster.sql("select rolpassword from pg_authid where rolname = 'app'")).toEqual([before]);
    expect((await run({ role: "app", rotate: true }, "correct horse")).output.outcome).toBe("set");
    expect(await cluster.sql("select rolpassword from pg_authid where rolname = 'app'")).not.toEqual([before]);
  });

  it("does nothing with --dry-run, and connects nowhere", async () => {
    const { output } = await run(
      { role: "app", dryRun: true },
      "correct horse",
      "postgresql://nobody@127.0.0.1:1/none",
    );
    expect(output).toEqual({ role: "app", outcome: "not set" });
  });

  it("names a role that does not exist", async () => {
    await expect(run({ role: "App" }, "correct horse")).rejects.toMatchObject({ message: 'there is no role "App"' });
  });

  it("[A-05] says how to go on when a module refuses the verifier, and sends nothing weaker", async () => {
    const error = await run({ role: "same_name" }, "same_name").catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "ACCESS_PASSWORD_REJECTED", exit: 13 });
    expect(error.parts.detail).toContain("password must not");
    expect(error.parts.hint).toContain("credcheck.encrypted_password_allowed");
    expect(error.parts.state).toBe("nothing was changed");
    expect(await cluster.sql("select rolpassword from pg_authid where rolname = 'same_name'")).toEqual([
      { rolpassword: null },
    ]);
  });

  it("remembers what a role without the right to look has set, and sets it once", async () => {
    const connection = `postgresql://plain:first-secret-1@${cluster.host}:${cluster.port}/postgres`;
    expect((await run({ role: "plain" }, "second password 2", connection)).output.outcome).toBe("set");
    const again = `postgresql://plain:second%20password%202@${cluster.host}:${cluster.port}/postgres`;
    expect((await run({ role: "plain" }, "second password 2", again)).output.outcome).toBe("unchanged");
  });

  it("says which right is missing", async () => {
    const connection = `postgresql://plain:second%20password%202@${cluster.host}:${cluster.port}/postgres`;
    await expect(run({ role: "other" }, "correct horse", connection)).rejects.toMatchObject({
      code: "ACCESS_RIGHT_MISSING",
    });
  });
});
