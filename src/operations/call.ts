/** Finds an operation by name, and runs it the same way for every surface. */
import { type Catalogue, catalogueOf } from "../base/catalogue.ts";
import { PgkeepError } from "../base/errors.ts";
import type { Operation, OperationContext } from "../base/operation.ts";
import { index } from "./index.ts";

// Each member is an Operation with its own input type; callers here validate input before they run one.
const operations: Catalogue<Operation> = catalogueOf<Operation>(index, {
  kind: "operation",
  unknown: "USAGE_UNKNOWN_NAME",
});

export const operationNames = (): string[] => operations.names();

/** Throws USAGE_UNKNOWN_NAME. */
export const loadOperation = (name: string): Promise<Operation> => operations.load(name);

/**
 * Runs `operation` with input that its schema accepts. However deep the wait was that the context's signal ended, the
 * failure is the signal's own reason when that is one of ours, else COMMAND_INTERRUPTED.
 */
export async function runOperation(
  operation: Operation,
  input: Record<string, unknown>,
  context: OperationContext,
): Promise<unknown> {
  try {
    return await operation.run(input, context);
  } catch (error) {
    if (error instanceof PgkeepError || !context.signal.aborted) throw error;
    const reason: unknown = context.signal.reason;
    throw reason instanceof PgkeepError
      ? reason
      : new PgkeepError("COMMAND_INTERRUPTED", "interrupted", { state: "the command did not finish", cause: error });
  }
}
