/** Every case of the pillar "transport", on every major. */
import { fileURLToPath } from "node:url";
import { describeChecks } from "../../../conformance/audit/describe-checks.ts";

await describeChecks(fileURLToPath(new URL("./transport", import.meta.url)));
