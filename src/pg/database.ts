/** Existence of the target database: making sure of it, and replacing it. The parts are in the folder of that name. */

export type { DatabaseAttributes } from "./database/attributes.ts";
export { ensureDatabase } from "./database/create.ts";
export { overwriteDatabase } from "./database/overwrite.ts";
