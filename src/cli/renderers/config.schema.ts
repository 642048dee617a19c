/** The schema is JSON whoever reads it, so that it can be sent straight into a file. */
import type operation from "../../operations/config.schema.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (schema) => `${JSON.stringify(schema, null, 2)}\n`,
});
