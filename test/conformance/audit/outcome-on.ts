/** One check on one session, as whoever the session is: for checks whose tests need a server of their own. */
import type { Check } from "../../../src/audit/check.ts";
import { LiveFacts } from "../../../src/audit/facts/live-facts.ts";
import { ALL_SETTINGS } from "../../../src/audit/facts/settings.ts";
import type { CheckOutcome } from "../../../src/audit/run/result.ts";
import { runCheck } from "../../../src/audit/run/run-check.ts";
import type { Session } from "../../../src/pg/session.ts";

export async function outcomeOn(session: Session, check: Check): Promise<CheckOutcome> {
  const settings = [await session.query(ALL_SETTINGS)];
  const { host, port } = session.target;
  const facts = await LiveFacts.of(session, {
    now: new Date("2026-11-21T12:00:00Z"),
    declared: {},
    settings,
    line: { transport: "tcp", host, port, isLoopback: true, tls: undefined, sslMode: "disable", authentication: "" },
  });
  return await runCheck(check, facts);
}
