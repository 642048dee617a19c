/**
 * `pgmi.yaml` of a project directory: where it is deployed, with which parameters, how long it may take.
 *
 * The file belongs to the project and is loaded into the session like any other, so it holds no secret: `password` is an
 * unknown key on purpose.
 */
import { join } from "node:path";
import { readConfigFile } from "./config-file.ts";
import type { ConfigShape } from "./config-shape.ts";
import { PGMI_CONNECTION_KEYS } from "./connection-keys.ts";
import type { ConfigEntry } from "./strict-yaml.ts";

export const PGMI_YAML = "pgmi.yaml";

export const PGMI_SHAPE: ConfigShape = {
  connection: { type: "section", keys: PGMI_CONNECTION_KEYS, description: "Where the project is deployed" },
  params: { type: "map", description: "Parameters of the project; values stay the text that is written" },
  timeout: { type: "duration", description: "How long a deploy may take, unless --timeout says otherwise" },
};

/** The entries of the project's pgmi.yaml; undefined when it has none. Throws CONFIG_FILE_INVALID. */
export async function readPgmiYaml(projectDirectory: string): Promise<ConfigEntry[] | undefined> {
  return readConfigFile(join(projectDirectory, PGMI_YAML), PGMI_YAML, { shape: PGMI_SHAPE, trust: "project" });
}
