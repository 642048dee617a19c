/** VER-005 with a declaration: shown as one, and no pass. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/ver-005-risky-extension.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { outcomeOn } from "../../../../support/audited.ts";
import { sharedCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

describe("VER-005 with declared extensions", () => {
  let session: Session;
  beforeAll(async () => {
    session = await connectTo(await sharedCluster());
    await session.script(
      "begin; create schema ext; create extension dblink with schema ext; create extension pageinspect with schema ext",
    );
  });
  afterAll(() => session.close());

  it("keeps a declared one as information, and the others as they are", async () => {
    expect(await outcomeOn(session, check, { declared: { extensions: ["dblink", "hstore"] } })).toMatchObject({
      status: "fail",
      found: [
        { object: "dblink", severity: "info", detail: expect.stringContaining("declared as wanted") },
        { object: "pageinspect", severity: "low" },
      ],
    });
  });
});
