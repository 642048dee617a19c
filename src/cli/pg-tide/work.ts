/** What every command of pg_tide's command line is given, what it answers, and the few ways in which most of them work. */
import type { OperationContext } from "../../base/operation.ts";
import type { ServerRequest } from "../../operations/server/connect.ts";
import type { Session } from "../../pg/session.ts";
import { tableLines } from "../generic-text.ts";
import type { TideCall } from "./grammar.ts";
import type { TideSettings } from "./settings.ts";

export interface Answer {
  ok: boolean;
  data: unknown;
  /** For people, on stdout. */
  text: string;
  /** With ok false: what the envelope says. */
  error?: unknown;
  /** With ok false: another exit status than 1. */
  exitCode?: number;
}

/** A failure whose machine code is known. */
export class TideFailure extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, hint?: string) {
    super(message);
    this.name = "TideFailure";
    this.code = code;
    this.hint = hint;
  }
}

export interface Work {
  call: TideCall;
  settings: TideSettings;
  context: OperationContext;
  target: ServerRequest;
}

export type Command = (work: Work) => Promise<Answer>;

export const textValue = ({ values }: TideCall, name: string): string | undefined => {
  const value = values.get(name);
  return typeof value === "string" ? value : undefined;
};
export const numberValue = ({ values }: TideCall, name: string): number | undefined => {
  const value = values.get(name);
  return typeof value === "number" ? value : undefined;
};

export const lines = (rows: readonly Record<string, unknown>[]): string =>
  rows.length === 0 ? "" : `${tableLines(rows, PLAIN).join("\n")}\n`;

const PLAIN = {
  colour: false,
  ascii: true,
  width: 100,
  isFitted: false,
  isTerminal: false,
  verbose: false,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 0,
} as const;

export async function withSession<Result>(
  { target, context }: Pick<Work, "target" | "context">,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const { withTide } = await import("../../operations/relay/tide.ts");
  return await withTide(target, context, work);
}

export async function jsonRows(
  session: Session,
  query: string,
  values: string[] = [],
): Promise<Record<string, unknown>[]> {
  const rows = await session.query(`select pg_catalog.to_jsonb(q) as row from (${query}) as q`, values);
  return rows.map(({ row }) => JSON.parse(row ?? "{}"));
}

/** What the envelope says of a check that found something. */
export const failed = (code: string, message: string): Record<string, string> => ({ code, message });
