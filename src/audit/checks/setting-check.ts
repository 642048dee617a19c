/**
 * Checks of one or a few server settings: pure functions of values, so they also judge a file without a server.
 *
 * A setting that the server does not have, or does not show, never reaches `judge`: asking for it throws.
 */
import type { Check, Found } from "../check.ts";
import type { Facts } from "../facts/facts.ts";
import type { Setting, Settings } from "../facts/settings.ts";
import type { Fix, Risk } from "../fix.ts";
import type { Severity } from "../ratings.ts";

interface SettingCheckParts extends Omit<Check, "scope" | "needs" | "examine"> {
  needs?: Check["needs"] | undefined;
  /** Settings with the defect, each once. `facts` for what else decides. */
  judge(settings: Settings, facts: Facts): Iterable<Found> | Promise<Iterable<Found>>;
}

export function settingCheck({ judge, needs = [], ...parts }: SettingCheckParts): Check {
  return {
    ...parts,
    scope: "cluster",
    needs,
    examine: async (facts) => [...(await judge(await facts.settings(), facts))],
  };
}

interface Wrong {
  /** What is wrong; default: the value. */
  detail?: string | undefined;
  severity?: Severity | undefined;
  /** The value to set, null for the default; undefined: there is no one right value. */
  to?: string | null | undefined;
  fix?: Fix | undefined;
  risk?: Risk | undefined;
  riskReason?: string | undefined;
}

/** A finding about one setting, with the fix that sets it. */
export function wrong(setting: Setting, { detail, severity, to, fix, risk = "low", riskReason }: Wrong = {}): Found {
  const change: Fix | undefined =
    to === undefined
      ? undefined
      : { kind: "setting", name: setting.name, value: to, needsRestart: needsRestart(setting), risk, riskReason };
  return {
    object: setting.name,
    detail: detail ?? (setting.value === "" ? "empty" : setting.value),
    severity,
    fix: fix ?? change,
    place: setting.place,
  };
}

function needsRestart({ context }: Setting): boolean | undefined {
  return context === undefined ? undefined : context === "postmaster";
}
