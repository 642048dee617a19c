/** Existence of the target database: making sure of it, and replacing it. The parts are in the folder of that name. */

export type { ApprovalStep } from "./database/approval.ts";
export { approvalStep, approveOverwrite, COUNTDOWN_SECONDS } from "./database/approval.ts";
export type { DatabaseAttributes } from "./database/attributes.ts";
export { readDatabase } from "./database/attributes.ts";
export type { DatabaseAccess } from "./database/create.ts";
export { ensureDatabase } from "./database/create.ts";
export type { OverwriteOptions } from "./database/overwrite.ts";
export { overwriteDatabase, refuseProtected } from "./database/overwrite.ts";
