/** A pipeline of the catalog as the coordinator keeps it: what it is, who runs it, when it is looked at again. */
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { CatalogPipeline } from "../store/catalog.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import type { OwnedPipeline } from "./owned-pipeline.ts";
import type { PipelineStatus } from "./pipeline-status.ts";

export interface Entry {
  found: CatalogPipeline;
  key: PipelineKey;
  status: PipelineStatus;
  /** One, or each outbox of a fan-in; undefined: the configuration is invalid. */
  members: readonly Pipeline[] | undefined;
  owned: OwnedPipeline | undefined;
  /** Not taken before. */
  notBeforeMs: number;
  /** Failures of its worker in a row, and when it was started last. */
  crashes: number;
  startedMs: number;
  /** Since when it has been seen free. */
  freeSinceMs: number | undefined;
  /** Whose transaction holds its outbox back, and since when we have seen it. */
  heldSince: { processId: number | undefined; seenMs: number } | undefined;
  /** Age and size of the files it refers to, when its worker started. */
  files: string;
  /** Until idle: it has nothing left. */
  isFinished: boolean;
}

/** A pipeline that nobody has looked at yet. */
export function newEntry(of: Pick<Entry, "found" | "key" | "status">): Entry {
  return {
    ...of,
    members: undefined,
    owned: undefined,
    notBeforeMs: 0,
    crashes: 0,
    startedMs: 0,
    freeSinceMs: undefined,
    heldSince: undefined,
    files: "",
    isFinished: false,
  };
}

/** Another version means another worker. */
export function versionOf({ found, members }: Entry): string {
  return JSON.stringify([
    found.row.enabled,
    found.isGated,
    found.strategy,
    members?.map(({ configHash, outbox }) => [configHash, outbox]),
  ]);
}
