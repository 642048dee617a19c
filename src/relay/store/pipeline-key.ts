/** Which pipeline of which group: the key of positions, leases and status rows. */
import type { Direction } from "../pipeline/pipeline.ts";

export interface PipelineKey {
  group: string;
  tenant: string;
  direction: Direction;
  pipeline: string;
}

/** The same, as the leading arguments of the functions in sql/relay. */
export function keyValues(key: PipelineKey): [string, string, string, string] {
  return [key.group, key.tenant, key.direction, key.pipeline];
}
