/** Every case of the pillar "database", on every major. */
import { fileURLToPath } from "node:url";
import { describeChecks } from "../../../conformance/audit/describe-checks.ts";

await describeChecks(fileURLToPath(new URL("./database", import.meta.url)));
