/** The input fields that say which configuration file holds, and which block of it; for every operation that reads one. */
import type { ZodNamespace } from "../base/operation.ts";

export function settingsFields(z: ZodNamespace) {
  return {
    config: z.string().optional().meta({ description: "Configuration file instead of pgkeep.yaml", valueName: "FILE" }),
    env: z.string().optional().meta({ description: "Settings block of the configuration file", valueName: "NAME" }),
  };
}
