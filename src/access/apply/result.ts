/** Every statement succeeded and something is still to do: what is left, and what the server had said. */
import { PgkeepError } from "../../base/errors.ts";
import { scrub } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";
import type { PlannedStatement } from "../plan/plan.ts";
import type { StatementNotice } from "./send.ts";

const LISTED = 8;

export interface Difference {
  remaining: readonly PlannedStatement[];
  notices: readonly StatementNotice[];
  state: string;
  database: string;
}

export function resultDiffers({ remaining, notices, state, database }: Difference): PgkeepError {
  const left = remaining.slice(0, LISTED).map(({ sql }) => `still to do: ${tameLine(sql)}`);
  const warnings = notices.filter(({ severity }) => severity === "WARNING");
  const said = warnings
    .slice(0, LISTED)
    .map(({ n, code, message }) => `statement ${n}: warning ${code}: ${scrub(tameLine(message))}`);
  return new PgkeepError("ACCESS_RESULT_DIFFERS", `database "${tameLine(database)}" would not be as planned`, {
    detail: [...left, ...more(remaining.length), ...said, ...more(warnings.length)].join("\n"),
    hint: "Have the owner or the grantor run what is left, or keep what took effect with --keep-partial.",
    state,
    data: { remaining: remaining.map(({ sql, object, role }) => ({ sql, object, role: role ?? null })), notices },
  });
}

const more = (count: number): string[] => (count > LISTED ? [`and ${count - LISTED} more`] : []);
