/** The session interface as one JSON document. */
import { defineOperation } from "../base/operation.ts";
import { EXECUTION_CONTRACT, EXIT_CODES, FUNCTIONS, MACROS, TYPES, VIEWS } from "./assistant/contract.ts";

export default defineOperation({
  name: "ai.contract",
  summary: "Print the session interface as JSON: views, functions, types, exit codes, macros",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: { command: "ai contract", json: "bare", examples: [{ line: "pgkeep ai contract", does: "print the document" }] },
  input: (z) => z.strictObject({}),
  output: (z) => {
    const rows = (...keys: string[]) =>
      z.array(z.strictObject(Object.fromEntries(keys.map((key) => [key, z.string()]))));
    return z.strictObject({
      views: rows("name", "columns", "note"),
      functions: rows("name", "args", "returns"),
      types: z.array(
        z.strictObject({ name: z.string(), fields: z.string(), events: z.array(z.string()), note: z.string() }),
      ),
      step_types: z.array(z.string()),
      step_types_note: z.string(),
      exit_codes: z.array(z.strictObject({ code: z.int(), name: z.string(), description: z.string() })),
      macros: rows("form", "description"),
      execution_contract: z.record(z.string(), z.string()),
    });
  },
  run: async () => ({
    views: VIEWS,
    functions: FUNCTIONS,
    types: TYPES,
    step_types: ["fixture", "test", "teardown"],
    step_types_note: "values of step_type in pgmi_test_plan(); a teardown has no script_path",
    exit_codes: EXIT_CODES,
    macros: MACROS,
    execution_contract: EXECUTION_CONTRACT,
  }),
});
