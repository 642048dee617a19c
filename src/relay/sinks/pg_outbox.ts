/** pg_tide's other name for an inbox in another database. */
import { openInbox } from "./inbox-delivery.ts";
import { INBOX_GUARANTEES, INBOX_LIMITS, inboxFields } from "./inbox-fields.ts";
import { defineSink } from "./sink.ts";

export default defineSink({
  type: "pg_outbox",
  summary: "An inbox in another PostgreSQL database",
  config: (z) => z.strictObject(inboxFields(z)),
  guarantees: INBOX_GUARANTEES,
  limits: INBOX_LIMITS,
  lanes: () => 1,
  subject: () => undefined,
  wrapsNative: false,
  open: ({ inbox, postgres_url }, context) => openInbox({ inbox, url: postgres_url }, context),
});
