/** The hint after a failed test is a command to paste. */
import { describe, expect, it } from "vitest";
import { testCommand } from "../../../../src/deploy/run/test-command.ts";

const TEST = "./__test__/test_a.sql";

describe("the command that repeats a failed test", () => {
  it("goes to the same place as the run", () => {
    expect(testCommand({ path: "shop", embedded: true, database: "shop" }, TEST)).toBe(
      "pgkeep test shop --embedded -d shop --with-deploy --filter '__test__/test_a.sql'",
    );
    const input = { path: "shop", host: "::1", port: 5433, username: "o'hara", paramsFile: ["a b.env"], env: "prod" };
    expect(testCommand(input, TEST)).toBe(
      "pgkeep test shop -h ::1 -p 5433 -U 'o'\\''hara' --env prod --params-file 'a b.env' --with-deploy --filter '__test__/test_a.sql'",
    );
  });

  it("[D-04] repeats neither a connection string nor parameters, and says that they are needed", () => {
    const command = testCommand(
      { path: ".", connection: "postgres://u:hunter2@h/d", param: ["token=hunter3", "a=1"] },
      TEST,
    );
    expect(command).toBe(
      "pgkeep test . --connection '(as before)' --param '(as before)' --with-deploy --filter '__test__/test_a.sql'",
    );
  });

  it("has a pattern that a shell leaves alone", () => {
    expect(testCommand({ path: "my shop" }, "./__test__/it's $x.sql")).toBe(
      "pgkeep test 'my shop' --with-deploy --filter '__test__/it?s??x.sql'",
    );
  });
});
