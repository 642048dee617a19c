/** Every case of the pillar "practices", on every major. */
import { fileURLToPath } from "node:url";
import { describeChecks } from "../../../conformance/audit/describe-checks.ts";

await describeChecks(fileURLToPath(new URL("./practices", import.meta.url)));
