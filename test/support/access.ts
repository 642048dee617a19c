/** Access models for tests: a file in a directory of its own, and operations run on it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import type { Operation, OperationContext } from "../../src/base/operation.ts";
import { runOperation } from "./operation.ts";

export interface ModelFolder extends Disposable {
  path: string;
  /** Writes access.yaml. */
  write(model: string): void;
  /** Runs an operation in this folder. The environment holds nothing but `environment` and a home in the folder. */
  run<Input extends z.ZodObject, Output extends z.ZodType>(
    operation: Operation<Input, Output>,
    input: z.input<Input>,
    context?: Partial<OperationContext>,
  ): ReturnType<typeof runOperation<Input, Output>>;
}

export function modelFolder(model = ""): ModelFolder {
  const path = mkdtempSync(join(tmpdir(), "pgkeep-model-"));
  const write = (text: string): void => writeFileSync(join(path, "access.yaml"), text, { mode: 0o644 });
  write(model);
  return {
    path,
    write,
    run: (operation, input, { environment, ...context } = {}) =>
      runOperation(operation, input, {
        workingDirectory: path,
        environment: { HOME: join(path, "home"), ...environment },
        ...context,
      }),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
