/** Standard input and output for connectors: the command line's, and nobody else's. */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";

export interface Streams {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

/** The process's own streams, when it lent them; else streams that refuse to be used. */
export function streamsOf({ process }: Pick<OperationContext, "process">): Streams {
  return (
    process ?? {
      get input() {
        return refuse();
      },
      get output() {
        return refuse();
      },
    }
  );
}

function refuse(): never {
  throw new PgkeepError("RELAY_PIPELINE_INVALID", "standard input and output belong to the command line", {
    hint: "Use another connector, or run the pipeline with pgkeep relay run.",
  });
}
