/** Stores each message in an inbox of this database, or of another one that `postgres_url` names. */
import { openInbox } from "./inbox-delivery.ts";
import { INBOX_GUARANTEES, INBOX_LIMITS, inboxFields } from "./inbox-fields.ts";
import { defineSink } from "./sink.ts";

export default defineSink({
  type: "inbox",
  summary: "An inbox, in this PostgreSQL database or another one",
  config: (z) => {
    const { inbox, postgres_url } = inboxFields(z);
    return z.strictObject({ inbox, postgres_url: postgres_url.optional() });
  },
  guarantees: INBOX_GUARANTEES,
  limits: INBOX_LIMITS,
  lanes: () => 1,
  subject: () => undefined,
  wrapsNative: false,
  open: ({ inbox, postgres_url }, context) => openInbox({ inbox, url: postgres_url }, context),
});
