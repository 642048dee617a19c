/** Checks of single settings. The value is never in the message, only its source. */
import { PgkeepError } from "../../base/errors.ts";
import type { Sourced } from "./layers.ts";

/** CONFIG_VALUE_INVALID for a value from `source`. */
export function badValue(source: Sourced, message: string, hint: string): PgkeepError {
  return new PgkeepError("CONFIG_VALUE_INVALID", message, {
    detail: `The value comes from ${source.origin}.`,
    hint,
    state: "nothing was started",
  });
}

/** The value when it is one of `allowed`, undefined when there is none. Throws CONFIG_VALUE_INVALID. */
export function choice<Value extends string>(
  source: Sourced | undefined,
  allowed: readonly Value[],
  name: string,
): Value | undefined {
  if (!source) return undefined;
  const found = allowed.find((value) => value === source.value);
  if (found !== undefined) return found;
  throw badValue(source, `${name} has a value that does not exist`, `Use one of: ${allowed.join(", ")}.`);
}

/** "0" or "1", as libpq writes booleans; undefined when there is none. */
export function zeroOrOne(source: Sourced | undefined, name: string): boolean | undefined {
  const value = choice(source, ["0", "1"], name);
  return value === undefined ? undefined : value === "1";
}
