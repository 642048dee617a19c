/** Checks an operation's input against its schema. Loads zod; the command line avoids it where its table is enough. */
import { PgkeepError } from "../base/errors.ts";
import type { Operation } from "../base/operation.ts";

/** 8: more problems than that are not read. */
const MAX_PROBLEMS = 8;

/** The input with defaults filled in. Throws USAGE_ARGUMENTS naming every field that is wrong, never a value. */
export async function parseInput(operation: Operation, raw: unknown): Promise<Record<string, unknown>> {
  const { z } = await import("zod");
  const parsed = operation.input(z).safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`,
  );
  const [first = "it does not follow its schema", ...others] = problems;
  throw new PgkeepError("USAGE_ARGUMENTS", `invalid input of ${operation.name}: ${first}`, {
    detail: others.length === 0 ? undefined : others.slice(0, MAX_PROBLEMS - 1).join("\n"),
    hint: `Correct the input; pgkeep help ${operation.cli?.command ?? ""} lists what it takes.`,
    state: "nothing was started",
  });
}
