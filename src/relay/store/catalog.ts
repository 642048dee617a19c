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
const AUTO_RESUME = "select tide.relay_auto_resume()";

export interface CatalogFilter {
  tenant: string | undefined;
  only: readonly string[] | undefined;
}

/** Pipelines that this role may see and this process is meant for, disabled ones too. */
export async function discoverPipelines(session: Session, { tenant, only }: CatalogFilter): Promise<PipelineRow[]> {
  const rows = (await session.rows(PIPELINES)).map(pipelineRow);
  const isOurs = (row: PipelineRow) =>
    (tenant === undefined || row.tenant === tenant) && (only === undefined || only.includes(row.name));
  return rows.filter(isOurs);
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
