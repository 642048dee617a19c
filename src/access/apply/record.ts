/**
 * The trace that an apply leaves in the server's own log: who, what from, what to, which statements.
 *
 * A table would be one that nobody asked for, in every database, and the role that grants could change it. The log belongs
 * to the server's administrator and the role that writes a line cannot take it back; log_line_prefix adds time,
 * address and login. One line is written before the first statement and one after the commit, so a run that was
 * rolled back has the first alone.
 */
import { randomBytes } from "node:crypto";
import { scrub } from "../../base/secrets.ts";
import { literal } from "../../pg/identifiers.ts";
import type { Session } from "../../pg/session.ts";
import type { AccessPlan, PlannedStatement } from "../plan/plan.ts";
import { sqlFile } from "./sql-files.ts";

/** 4,000 characters of statements; the counts and hashes are whole, the text is an aid. */
const MAX_TEXT = 4_000;

/** Ties the lines of one run together. */
export const newRunId = (): string => randomBytes(6).toString("hex");

export interface Trace {
  run: string;
  plan: AccessPlan;
  statements: readonly PlannedStatement[];
}

/** Writes the line of a run that begins. Changes nothing. */
export async function recordStart(session: Session, { run, plan, statements }: Trace): Promise<void> {
  const { modelHash, stateHash } = plan;
  const about = { model: modelHash, before: stateHash, count: statements.length, statements: texts(statements) };
  await writeLine(session, { event: "begins", run, ...about });
}

/** Writes the line of a run that has committed. A failure to write it changes nothing any more and is passed over. */
export async function recordEnd(session: Session, { run, after }: { run: string; after: string }): Promise<void> {
  await writeLine(session, { event: "committed", run, after }).catch(() => undefined);
}

function texts(statements: readonly PlannedStatement[]): string[] {
  const kept: string[] = [];
  let length = 0;
  for (const { sql } of statements) {
    length += sql.length;
    if (length > MAX_TEXT) break;
    kept.push(sql);
  }
  return kept;
}

async function writeLine(session: Session, record: Record<string, unknown>): Promise<void> {
  const text = scrub(JSON.stringify(record));
  await session.script(
    `select pg_catalog.set_config('pgkeep.record', ${literal(text)}, false);\n${sqlFile("record.sql")}`,
  );
}
