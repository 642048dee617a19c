/** Names quoted by us mean exactly themselves to a server, and to psql, which has a language of its own. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { ident, identifierProblem, literal } from "../../../src/pg/identifiers.ts";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { HOSTILE_NAMES } from "../../support/hostile-names.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await sharedCluster();
});

describe("[A-02] a quoted name", () => {
  it.each(HOSTILE_NAMES.map((name) => [JSON.stringify(name), name]))(
    "%s reaches the server as it is",
    async (_, name) => {
      await using session = await connectTo(cluster);
      const [row] = await session.query(`select 1 as ${ident(name)}`);
      expect(Object.keys(row ?? {})).toEqual([name]);
    },
  );

  it("is the name again after the server read it, for any name and both settings of standard_conforming_strings", async () => {
    await using session = await connectTo(cluster);
    const names = fc
      .string({ minLength: 1, maxLength: 30, unit: "binary" })
      .filter((name) => identifierProblem(name) === undefined);
    for (const setting of ["on", "off"]) {
      await session.script(`set standard_conforming_strings = ${setting}`);
      const sample = [...new Set(fc.sample(names, 300))];
      const [row] = await session.query(`select ${sample.map((name) => `1 as ${ident(name)}`).join(", ")}`);
      expect(Object.keys(row ?? {}).sort()).toEqual([...sample].sort());
    }
  });

  it("[A-11] is only a name to psql, whatever commands it spells", async () => {
    const script = HOSTILE_NAMES.map((name) => `select ${literal(name)} as ${ident(name)};`).join("\n");
    const { status, stdout, stderr } = await cluster.psql(["-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"], {
      stdin: `\\set variable captured\n${script}\n`,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(`${HOSTILE_NAMES.join("\n")}\n`);
  });
});
