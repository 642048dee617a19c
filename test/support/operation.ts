/** Runs an operation as a surface would: input checked by its schema, a context of the test's own, output checked too. */
import { z } from "zod";
import { systemClock } from "../../src/base/clock.ts";
import type { Operation, OperationContext, ProgressEvent } from "../../src/base/operation.ts";

export interface OperationRun<Output> {
  output: Output;
  events: ProgressEvent[];
  /** What the command line would end with. */
  exitCode: number;
}

export async function runOperation<Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output>,
  input: z.input<Input>,
  context: Partial<OperationContext> = {},
): Promise<OperationRun<z.output<Output>>> {
  const events: ProgressEvent[] = [];
  const whole: OperationContext = {
    environment: {},
    workingDirectory: "/",
    clock: systemClock,
    signal: new AbortController().signal,
    report: (event) => events.push(event),
    ...context,
  };
  const raw = await operation.run(operation.input(z).parse(input), whole);
  const output = operation.output(z).parse(raw);
  return { output, events, exitCode: operation.exitCode?.(output) ?? 0 };
}
