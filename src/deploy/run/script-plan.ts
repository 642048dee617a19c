/**
 * From deploy.sql to the messages that are sent, and from the server's positions back to deploy.sql.
 *
 * Three kinds of edits are made to the text: macro calls become the statements the server generated for them, EXECUTEs
 * of files announce their file, and the end of the head announces its transaction. All keep line numbers of what the
 * person wrote reachable through one source map.
 */
import { PgkeepError } from "../../base/errors.ts";
import { maskSql } from "../../pg/sql-text/mask.ts";
import type { ProjectFile } from "../project/project.ts";
import { dropsTemporary, instrumentationEdits } from "../script/instrument.ts";
import { findMacros, type MacroCall } from "../script/macros.ts";
import { placeOf } from "../script/positions.ts";
import { type OriginalPlace, SourceMap } from "../script/source-map.ts";
import { type ScriptUnit, splitScript } from "../script/units.ts";
import { commitMark } from "./execute.ts";

export interface ScriptPlan {
  units: readonly ScriptUnit[];
  testMacros: number;
  /** Where the server's position (1-based, code points) in a unit was written. */
  place(unit: number, position: number): OriginalPlace | undefined;
}

export interface PlanInput {
  script: string;
  macros: readonly MacroCall[];
  /** One text per macro call, in the order of `findMacros`. */
  expansions: readonly string[];
  /** Files that the script may run. */
  files: readonly ProjectFile[];
  /** Whether the end of the head announces its transaction. */
  announces: boolean;
}

export function planScript({ script, macros, expansions, files, announces }: PlanInput): ScriptPlan {
  const mask = maskSql(script);
  const isTraced = !files.some(({ isSql, isTest, content }) => isSql && !isTest && dropsTemporary(content));
  const map = new SourceMap(script, [
    ...macros.map(({ start, end }, index) => ({
      start,
      end,
      replacement: expansions[index] ?? "",
      kind: "macro" as const,
    })),
    ...(isTraced ? instrumentationEdits(script, mask) : []),
    ...(announces ? commitMark(script, mask) : []),
  ]);
  const units = splitScript(map.text);
  return {
    units,
    testMacros: macros.length,
    place: (number, position) => {
      const unit = units[number - 1];
      return unit ? map.place(unit.indexOf(position)) : undefined;
    },
  };
}

/** A name, or schema.name, of at most 63 bytes each: what the generator accepts. */
const CALLBACK = /^[A-Za-z_][A-Za-z0-9_]{0,62}(?:\.[A-Za-z_][A-Za-z0-9_]{0,62})?$/;

/** The macro calls of deploy.sql. Throws DEPLOY_MACRO_INVALID for a callback that cannot be a function's name. */
export function checkedMacros(script: string): MacroCall[] {
  const macros = findMacros(script);
  const wrong = macros.find(({ callback }) => callback !== undefined && !CALLBACK.test(callback));
  if (wrong) {
    const { line, column, sourceLine } = placeOf(script, wrong.start);
    throw new PgkeepError("DEPLOY_MACRO_INVALID", "the callback of CALL pgmi_test() is not the name of a function", {
      hint: "Write the name of a function of one argument, such as my_schema.my_callback.",
      state: "nothing was started",
      file: "deploy.sql",
      line,
      column,
      sourceLine,
    });
  }
  return macros;
}
