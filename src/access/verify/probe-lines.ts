/** Probes of what has no object of a governed schema, as lines to which the role is added. */
import type { ProbeSource } from "./object-probes.ts";
import type { Attempt, Expected, Probe, Question } from "./probe.ts";
import { probeStatement } from "./statements.ts";

export interface Line {
  row: number;
  action: string;
  object: string;
  expected: Expected;
  attempt: Attempt;
  otherwise?: Question;
}

export function lines({ role }: ProbeSource, all: readonly Line[]): Probe[] {
  return all.map((line) => ({ ...line, role, schema: undefined }));
}

/** The statement of that name is run. */
export function run(name: string, names: Parameters<typeof probeStatement>[1]): Attempt {
  return { kind: "run", sql: probeStatement(name, names) };
}
