/** The catalog of pipelines as a relay reads it. Row level security decides what is there. */
import type { ArrayRow, Session } from "../../pg/session.ts";
import type { PipelineRow } from "../pipeline/pipeline.ts";

const PIPELINES = `
  select 'forward', c.name, c.enabled, c.config, c.tenant_name, c.wire_format, c.owner
    from tide.relay_outbox_config as c
   union all
  select 'reverse', c.name, c.enabled, c.config, c.tenant_name, c.wire_format, c.owner
    from tide.relay_inbox_config as c
   order by 1, 2`;
const FAN_INS = `
  select 'forward', m.name, m.enabled, m.config, m.tenant_name, 'native', null, m.merge_strategy
    from tide.relay_fanin_members() as m
   where m.is_present
   order by m.name, m.place`;
const WAITING =
  "select distinct d.downstream_pipeline from tide.relay_pipeline_deps as d where d.trigger_policy <> 'always'";
const LIMITS =
  "select l.max_owned_pipelines, l.max_connections from tide.relay_limits as l where l.relay_group_id = $1";
const AUTO_RESUME = "select tide.relay_auto_resume()";

export interface CatalogFilter {
  tenant: string | undefined;
  only: readonly string[] | undefined;
}

/** What one worker runs. */
export interface CatalogPipeline {
  /** The pipeline's row; of a fan-in the first member's. */
  row: PipelineRow;
  /** The same row, or one per outbox of a fan-in, in order. */
  members: readonly PipelineRow[];
  /** Of a fan-in: "round_robin", "priority" or "subject_hash". */
  strategy: string | undefined;
  /** Whether it has to wait for other pipelines. */
  isGated: boolean;
}

/** What every relay of a group keeps to, besides what it was told itself. */
export interface GroupLimits {
  maxOwnedPipelines: number;
  maxConnections: number;
}

/** The group's row of tide.relay_limits; undefined: it has none. */
export async function readLimits(session: Session, group: string): Promise<GroupLimits | undefined> {
  const [row] = await session.rows(LIMITS, [group]);
  return row && { maxOwnedPipelines: Number(row[0]), maxConnections: Number(row[1]) };
}

/** Pipelines that this role may see and this process is meant for, disabled ones too. */
export async function discoverPipelines(session: Session, filter: CatalogFilter): Promise<CatalogPipeline[]> {
  const single = (await session.rows(PIPELINES)).map((row) => one(pipelineRow(row)));
  const fanIns = groupFanIns(await session.rows(FAN_INS));
  const waiting = new Set((await session.rows(WAITING)).map(([name]) => name ?? ""));
  return [...single, ...fanIns]
    .filter(({ row }) => isWanted(row, filter))
    .map((pipeline) => ({ ...pipeline, isGated: waiting.has(pipeline.row.name) }));
}

function isWanted(row: PipelineRow, { tenant, only }: CatalogFilter): boolean {
  return (tenant === undefined || row.tenant === tenant) && (only === undefined || only.includes(row.name));
}

const one = (row: PipelineRow): CatalogPipeline => ({ row, members: [row], strategy: undefined, isGated: false });

function groupFanIns(rows: readonly ArrayRow[]): CatalogPipeline[] {
  const groups = new Map<string, { row: PipelineRow; members: PipelineRow[]; strategy: string; isGated: boolean }>();
  for (const columns of rows) {
    const row = pipelineRow(columns);
    const group = groups.get(row.name);
    if (group === undefined) groups.set(row.name, { row, members: [row], strategy: columns[7] ?? "", isGated: false });
    else group.members.push(row);
  }
  return [...groups.values()];
}

function pipelineRow(row: ArrayRow): PipelineRow {
  const [direction, name, enabled, config, tenant, wireFormat, owner] = row;
  return {
    direction: direction === "reverse" ? "reverse" : "forward",
    name: name ?? "",
    enabled: enabled === "t",
    config: config ?? "{}",
    tenant: tenant ?? "default",
    wireFormat: wireFormat ?? "native",
    owner: owner ?? null,
  };
}

/** Enables pipelines whose `auto_resume_after` has passed since they were paused. */
export async function resumePipelines(session: Session): Promise<void> {
  await session.rows(AUTO_RESUME);
}
