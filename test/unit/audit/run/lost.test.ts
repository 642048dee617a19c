/** A connection that breaks under an audit leaves no doubt about what was changed: nothing. */
import { expect, it } from "vitest";
import { readOnlyLoss } from "../../../../src/audit/run/lost.ts";
import { runAudit } from "../../../../src/audit/run/run-audit.ts";
import { PgkeepError } from "../../../../src/base/errors.ts";

const lost = () =>
  new PgkeepError("CONNECT_LOST", "the connection to the server was lost", {
    detail: "The server closed it.",
    hint: "Check what was committed before running again.",
  });

it("says that an audit only reads, instead of asking to check what was committed", async () => {
  const run = runAudit({
    checks: [],
    open: () => Promise.reject(lost()),
    isOneDatabase: true,
    surroundings: () => Promise.reject(new Error("never asked")),
    signal: new AbortController().signal,
  });
  const error = await run.catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "CONNECT_LOST",
    message: "the connection to the server was lost",
    parts: { detail: "The server closed it.", state: "nothing was changed: an audit only reads" },
  });
  expect(error instanceof PgkeepError && error.parts.hint).not.toMatch(/committed/);
});

it("leaves every other failure as it is", () => {
  const other = new PgkeepError("CONNECT_REFUSED", "refused", { hint: "Start it." });
  const bug = new Error("x");
  expect([readOnlyLoss(other), readOnlyLoss(bug)]).toEqual([other, bug]);
});
