/** Checks JSON documents against the published schemas, with a validator that is not ours. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { REPOSITORY } from "./pgkeep.ts";

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, formats: { "date-time": DATE_TIME } });

/** What is wrong with `value` by schemas/<name>.json; empty when nothing is. */
export function schemaProblems(name: string, value: unknown): string[] {
  const validate = ajv.getSchema(name) ?? compile(name);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || "/"} ${message}`);
}

function compile(name: string) {
  ajv.addSchema(JSON.parse(readFileSync(join(REPOSITORY, "schemas", `${name}.json`), "utf8")), name);
  const validate = ajv.getSchema(name);
  if (!validate) throw new Error(`schemas/${name}.json cannot be used`);
  return validate;
}
