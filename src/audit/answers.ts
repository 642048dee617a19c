/**
 * The two ways in which a check has no answer, thrown from wherever that turns out.
 *
 * Thrown and not returned, because a fact that cannot be had is found several calls below the check, and a forgotten
 * branch must end as "unknown" and never as "pass".
 */
import type { RightName } from "./rights.ts";

/** The server, the host or the network does not show what the check has to know. */
export class Unanswered extends Error {
  /** The right that would answer; undefined when no right would. */
  readonly right: RightName | undefined;

  /** `reason`: one line, lower case, without secrets: "pg_hba_file_rules may not be read". */
  constructor(reason: string, right?: RightName) {
    super(reason);
    this.name = "Unanswered";
    this.right = right;
  }
}

/** The check does not concern this server: a feature, version or role that is not there. */
export class NotApplicable extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "NotApplicable";
  }
}
