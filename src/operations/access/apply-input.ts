/** The flags of operations that apply a plan. */
import {
  type ApplyOptions,
  DEFAULT_LOCK_TIMEOUT_MS,
  DEFAULT_STATEMENT_TIMEOUT_MS,
} from "../../access/apply/request.ts";
import { parseDurationMs } from "../../base/duration.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { ZodNamespace } from "../../base/operation.ts";

export interface ApplyFlags {
  yes?: boolean | undefined;
  dryRun?: boolean | undefined;
  partial?: boolean | undefined;
  keepPartial?: boolean | undefined;
  oneByOne?: boolean | undefined;
  lockTimeout?: string | undefined;
  statementTimeout?: string | undefined;
  saveUndo?: string | undefined;
}

export function applyFields(z: ZodNamespace) {
  const flag = (description: string, group: string) => z.boolean().optional().meta({ description, group });
  const duration = (description: string, ms: number) =>
    z
      .string()
      .optional()
      .meta({
        description: `${description}; default ${ms / 1_000}s`,
        valueName: "DUR",
        duration: true,
        group: "safety",
      });
  return {
    yes: flag("Apply without asking", "safety"),
    dryRun: flag("Say what would be done and do nothing", "safety"),
    partial: flag("Apply the rest when part of the plan is blocked", "what"),
    keepPartial: flag("Commit what took effect although the result is not as planned", "what"),
    oneByOne: flag("Commit after each statement that locks a table", "what"),
    lockTimeout: duration("How long to wait for a lock", DEFAULT_LOCK_TIMEOUT_MS),
    statementTimeout: duration("How long one statement may take", DEFAULT_STATEMENT_TIMEOUT_MS),
    saveUndo: z
      .string()
      .optional()
      .meta({ description: "Write a script that undoes what is applied", valueName: "FILE", group: "output" }),
  };
}

/** 24 days, the longest wait that a server can be told. */
const MAX_TIMEOUT_MS = 2_147_483_647;

export function optionsOf({ partial, keepPartial, oneByOne, lockTimeout, statementTimeout }: ApplyFlags): ApplyOptions {
  return {
    partial,
    keepPartial,
    oneByOne,
    lockTimeoutMs: timeoutMs(lockTimeout, "lock timeout"),
    statementTimeoutMs: timeoutMs(statementTimeout, "statement timeout"),
  };
}

function timeoutMs(text: string | undefined, what: string): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text);
  // 0 would wait for ever, in front of everybody who comes after.
  if (ms !== undefined && ms >= 1 && ms <= MAX_TIMEOUT_MS) return Math.round(ms);
  throw new PgkeepError("CONFIG_VALUE_INVALID", `the ${what} is not a duration above zero`, {
    hint: "Write it with units, such as 500ms, 3s or 1m.",
    state: "nothing was started",
  });
}
