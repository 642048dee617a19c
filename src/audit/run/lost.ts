/** A connection that broke while nothing but reading was done. */
import { PgkeepError } from "../../base/errors.ts";

/**
 * `error` itself, or for CONNECT_LOST the same without its doubt: what the session cannot know about its last transaction, an
 * audit does know, because it only reads.
 */
export function readOnlyLoss(error: unknown): unknown {
  if (!(error instanceof PgkeepError) || error.code !== "CONNECT_LOST") return error;
  return new PgkeepError(error.code, error.message, {
    ...error.parts,
    hint: "Run it again; if the connection breaks again, look into the server's log.",
    state: "nothing was changed: an audit only reads",
    cause: error,
  });
}
