/** PRC-005 with declared deploy roles. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/prc-005-undeclared-log-statement.ts";
import { objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { sharedCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

describe("PRC-005 with declared deploy roles", () => {
  it("leaves out the declared, and never everybody", async () => {
    await using session = await connectTo(await sharedCluster());
    await session.script(
      "begin; create role migrator; create role other; grant set on parameter log_statement to migrator, other",
    );
    const run = (deployRoles: string[]) => outcomeOn(session, check, { declared: { deployRoles } });
    expect(objectsOf(await run(["migrator"]))).toEqual(["other"]);
    expect(objectsOf(await run(["migrator", "other"]))).toEqual([]);
    await session.script("grant set on parameter log_statement to public");
    expect(objectsOf(await run(["migrator", "other", "public", ""]))).toEqual(["public"]);
  });
});
