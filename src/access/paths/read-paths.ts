/** The whole search for paths on an open session: everything is read in one transaction, so all of it fits together. */
import type { Session } from "../../pg/session.ts";
import { readHooks } from "../catalog/hooks.ts";
import { inspect } from "../catalog/inspect.ts";
import { readPathFacts } from "./facts.ts";
import { escalationPaths, type PathOptions, type PathsReport } from "./paths.ts";

/** Throws ACCESS_CATALOG_UNREADABLE when the server refuses to be read. */
export async function readEscalationPaths(session: Session, options: PathOptions): Promise<PathsReport> {
  await session.script("begin transaction isolation level repeatable read, read only");
  try {
    const snapshot = await inspect(session);
    const hooks = await readHooks(session);
    const facts = await readPathFacts(session);
    return await escalationPaths({ snapshot, hooks, facts }, options);
  } finally {
    await session.script("rollback");
  }
}
