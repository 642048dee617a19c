/** Every case of the pillar "network", on every major. */
import { fileURLToPath } from "node:url";
import { describeChecks } from "../../../conformance/audit/describe-checks.ts";

await describeChecks(fileURLToPath(new URL("./network", import.meta.url)));
