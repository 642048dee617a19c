/** Libraries that the server loads at its start, and what it takes to add one. */
import { NotApplicable } from "../../answers.ts";
import type { Facts } from "../../facts/facts.ts";
import type { Setting, Settings } from "../../facts/settings.ts";
import type { Fix } from "../../fix.ts";

/** Throws Unanswered where the server hides its list. */
export function isPreloaded(settings: Settings, library: string): boolean {
  return settings.list("shared_preload_libraries").some((entry) => nameOf(entry) === library);
}

/** "$libdir/pgaudit.so" is pgaudit. */
function nameOf(entry: string): string {
  return entry.replace(/^.*\//, "").replace(/\.(so|dll|dylib)$/, "");
}

/**
 * Adds `library` to the list, when its files are there: with a name that the server does not find it would not start
 * again.
 */
export async function preloadFix(setting: Setting, library: string, facts: Facts): Promise<Fix> {
  const [row] = await facts.query(`
  select exists (select from pg_catalog.pg_available_extensions as e where e.name = '${library}') as is_there`);
  if (row?.is_there !== "t") {
    const text = `Install the package of ${library} for this major version, then add ${library} to shared_preload_libraries and restart.`;
    return { kind: "words", text };
  }
  return {
    kind: "setting",
    name: setting.name,
    value: setting.value === "" ? library : `${setting.value}, ${library}`,
    needsRestart: true,
    risk: "medium",
    riskReason: "it takes a restart, and the server does not start with a library that it cannot load",
  };
}

/** Whether pgAudit is there is seen by its settings, which nobody is kept from. Throws NotApplicable. */
export function requirePgaudit(settings: Settings): void {
  if (settings.find("pgaudit.log") === undefined) throw new NotApplicable("pgAudit is not loaded");
}
