/** Schema tide in a test's database. */

import type { Session } from "../../src/pg/session.ts";
import { installSchema } from "../../src/relay/schema/install.ts";

/**
 * Installs every migration over `session` (the superuser's, in most tests), and the roles tide_admin, tide_relay and so
 * on when asked. The schema belongs to tide_owner, a role of the whole cluster.
 */
export async function installTide(session: Session, options: { roles?: boolean; owner?: string } = {}): Promise<void> {
  await installSchema(session, { version: "test", ...options });
}
