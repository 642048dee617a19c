/** The part of the library that deploys: `import { run } from "pgkeep/deploy"`. */
import { deploy } from "./index.ts";

export { type CallOptions, PgkeepError, type ProgressEvent } from "./index.ts";

/** The calls of `deploy` by verb. */
export const { run, test, plan, info } = deploy;
