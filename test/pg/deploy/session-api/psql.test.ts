/** The definitions are plain SQL: psql runs them as they stand. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { availableMajors, sharedCluster } from "../../../support/cluster.ts";

const FOLDER = fileURLToPath(new URL("../../../../sql/deploy/", import.meta.url));

it.each(availableMajors())(
  "psql runs every file of sql/deploy on PostgreSQL %i, twice in one session",
  async (major) => {
    const cluster = await sharedCluster(major);
    const files = readdirSync(FOLDER)
      .sort()
      .flatMap((name) => ["-f", FOLDER + name]);
    const quiet = ["-q", "-v", "ON_ERROR_STOP=1"];
    const result = await cluster.psql([...quiet, ...files, ...files, "-c", "select pg_temp.pgmi_test_generate()"]);
    expect(result).toMatchObject({ status: 0, stdout: expect.stringContaining("no tests were discovered") });
    expect(result.stderr).not.toContain("ERROR");
  },
);
