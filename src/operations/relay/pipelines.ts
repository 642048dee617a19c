/**
 * Pipelines as their rows in the catalog: read, checked, shown without what should not stand there.
 *
 * The catalog is written by functions of several generations and by hand, so a row may hold a secret in clear text. Nothing here
 * shows one: fields that hold secrets and no reference are replaced, and so are passwords inside addresses.
 */
import { PgkeepError } from "../../base/errors.ts";
import { nearestName } from "../../base/suggest.ts";
import type { Session, TextRow } from "../../pg/session.ts";
import type { Direction, PipelineRow } from "../../relay/pipeline/pipeline.ts";
import { readPipeline } from "../../relay/pipeline/read.ts";
import { maskSecrets } from "../../relay/pipeline/secrets.ts";

const ROWS = `
  select c.name, 'forward' as direction, c.enabled, c.config, c.tenant_name, c.wire_format, c.owner
    from tide.relay_outbox_config as c
   union all
  select c.name, 'reverse', c.enabled, c.config, c.tenant_name, c.wire_format, c.owner
    from tide.relay_inbox_config as c
   order by 2, 1`;

/** Every row that the role may see. */
export async function pipelineRows(session: Session): Promise<PipelineRow[]> {
  return (await session.query(ROWS)).map(rowOf);
}

/** The row of that name. Throws RELAY_PIPELINE_UNKNOWN. */
export async function pipelineRow(session: Session, name: string): Promise<PipelineRow> {
  const rows = await pipelineRows(session);
  const row = rows.find((each) => each.name === name);
  if (row) return row;
  const near = nearestName(
    name,
    rows.map((each) => each.name),
  );
  throw new PgkeepError("RELAY_PIPELINE_UNKNOWN", "there is no pipeline of that name, or this role may not see it", {
    hint: near ? `Did you mean "${near}"?` : "List them: pgkeep relay pipelines list",
    state: "nothing was changed",
  });
}

function rowOf(row: TextRow): PipelineRow {
  return {
    name: row.name ?? "",
    direction: directionOf(row.direction),
    enabled: row.enabled === "t",
    config: row.config ?? "{}",
    tenant: row.tenant_name ?? "default",
    wireFormat: row.wire_format ?? "native",
    owner: row.owner ?? null,
  };
}

const directionOf = (text: string | null | undefined): Direction => (text === "reverse" ? "reverse" : "forward");

export interface CheckedPipeline {
  pipeline: string;
  direction: Direction;
  enabled: boolean;
  valid: boolean;
  /** Outbox and sink, or source and inbox; null when the row cannot be read. */
  from: string | null;
  to: string | null;
  /** One line per field that is wrong; never a value. */
  problems: string[];
}

/** Whether a relay could run this row; nothing is resolved and nothing connected to. */
export async function checkPipeline(row: PipelineRow): Promise<CheckedPipeline> {
  const known = { pipeline: row.name, direction: row.direction, enabled: row.enabled };
  try {
    const { outbox, inbox, connector } = await readPipeline(row);
    const isForward = row.direction === "forward";
    return {
      ...known,
      valid: true,
      from: (isForward ? outbox : connector.type) ?? null,
      to: (isForward ? connector.type : inbox) ?? null,
      problems: [],
    };
  } catch (error) {
    if (!(error instanceof PgkeepError)) throw error;
    return { ...known, valid: false, from: null, to: null, problems: problemsOf(error) };
  }
}

const problemsOf = ({ message, parts }: PgkeepError): string[] => parts.detail?.split("\n") ?? [message];

/** The configuration as it may be shown: references stay, what stands there in clear text does not. */
export function shownConfig(config: string): unknown {
  const value: unknown = JSON.parse(config);
  return typeof value === "object" && value !== null ? maskSecrets({ ...value }) : null;
}
