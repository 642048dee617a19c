/**
 * Every check by its id. The id is the beginning of the file's name, so one check is found and loaded without the others.
 */
import type { CatalogueIndex } from "../../base/catalogue.ts";
import { PgkeepError } from "../../base/errors.ts";
import { nearestName } from "../../base/suggest.ts";
import type { Check } from "../check.ts";
import type { Pillar } from "../ratings.ts";
import { index as database } from "./database/index.ts";
import { index as network } from "./network/index.ts";
import { index as practices } from "./practices/index.ts";
import { index as transport } from "./transport/index.ts";

export interface CatalogueEntry {
  /** "ROL-001". */
  id: string;
  pillar: Pillar;
  /** The file's name: "rol-001-extra-superuser". */
  name: string;
  load(): Promise<Check>;
}

const FOLDERS: Readonly<Record<Pillar, CatalogueIndex<Check>>> = { network, transport, database, practices };

/** All entries, by pillar and id. Loads no check. */
export function checkEntries(): readonly CatalogueEntry[] {
  return PILLARS_IN_ORDER.flatMap((pillar) =>
    Object.entries(FOLDERS[pillar])
      .map(([name, load]) => ({ id: idOf(name), pillar, name, load: async () => (await load()).default }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  );
}

const PILLARS_IN_ORDER: readonly Pillar[] = ["network", "transport", "database", "practices"];

/** "rol-001-extra-superuser" is ROL-001. */
function idOf(name: string): string {
  return name.split("-").slice(0, 2).join("-").toUpperCase();
}

/** The entry of `id`, in any case. Throws USAGE_UNKNOWN_NAME with a suggestion. */
export function checkEntry(id: string): CatalogueEntry {
  const entries = checkEntries();
  const wanted = id.toUpperCase();
  const entry = entries.find((each) => each.id === wanted);
  if (entry !== undefined) return entry;
  const near = nearestName(
    wanted,
    entries.map((each) => each.id),
  );
  throw new PgkeepError("USAGE_UNKNOWN_NAME", "there is no such check", {
    hint: near ? `Did you mean ${near}?` : "List them: pgkeep audit list",
  });
}
