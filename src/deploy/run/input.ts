/** What every run of a project is told, whether it deploys or only tests: settings, parameters, limits. */
import type { ZodNamespace } from "../../base/operation.ts";
import { settingsFields } from "../../config/input.ts";

/** The input fields of a run, for the operations that offer one. */
export function runFields(z: ZodNamespace) {
  return {
    ...settingsFields(z),
    param: z
      .array(z.string())
      .optional()
      .meta({ description: "Parameter; repeatable, the last one wins", valueName: "KEY=VALUE", group: "what" }),
    paramsFile: z
      .array(z.string())
      .optional()
      .meta({ description: "File of key=value lines; repeatable, in order", valueName: "FILE", group: "what" }),
    secretRoot: z
      .array(z.string())
      .optional()
      .meta({ description: "Directory that ${file:} may read; repeatable", valueName: "DIR", group: "what" }),
    strictSecrets: z
      .boolean()
      .optional()
      .meta({ description: "Refuse to start when a secret could be seen by others", group: "safety" }),
    timeout: z.string().optional().meta({
      description: "End the run after this long (1m30s); 0 is never; default 3m",
      valueName: "DUR",
      duration: true,
      group: "safety",
    }),
    verbose: z
      .boolean()
      .optional()
      .meta({ description: "Say more about each step, show RAISE DEBUG", short: "v", group: "output" }),
  };
}
