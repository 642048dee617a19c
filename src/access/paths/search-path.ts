/** The search_path of a role in this database, as settings of role, database or neither make it. */
import { nameListItems } from "../../pg/name-lists.ts";
import type { Role, Snapshot } from "../catalog/snapshot.ts";

/** What a server ships with; postgresql.conf may say otherwise, which a role without rights cannot see. */
export const BUILT_IN_SEARCH_PATH = '"$user", public';

/** The schemas in the order they are searched, "$user" left as it is. */
export function searchPathOf(role: Role, snapshot: Snapshot): readonly string[] {
  const here = role.settings.find(({ name, database }) => name === "search_path" && database === snapshot.database);
  const everywhere = role.settings.find(({ name, database }) => name === "search_path" && database === undefined);
  const ofDatabase = snapshot.databaseSettings.find(({ name }) => name === "search_path");
  return searchPathElements((here ?? everywhere ?? ofDatabase)?.value ?? BUILT_IN_SEARCH_PATH);
}

/** Whether the role has a setting of its own, which stands above the database's. */
export function hasOwnSearchPath({ settings }: Role): boolean {
  return settings.some(({ name }) => name === "search_path");
}

/** `app, "Mixed", "$user"` taken apart; an empty name searches nothing. */
export function searchPathElements(text: string): string[] {
  return nameListItems(text).filter((element) => element !== "");
}
