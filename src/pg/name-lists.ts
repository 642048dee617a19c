/**
 * Parameters whose value is a list of names.
 *
 * The server stores each name by itself, quoted when it has to be; given as one text the whole list would become a single
 * name. So such values are taken apart before they are compared, written or searched.
 */

/** The set is closed: extensions may not add to it. Source: guc_tables.c, GUC_LIST_QUOTE. */
export const NAME_LISTS: ReadonlySet<string> = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
]);

/**
 * Items of `a, "B c", D` as the server reads them: `a`, `B c`, `d`. Quoted ones may hold anything and double their quotes,
 * bare ones end at a comma or white space. A quoted empty name is an item, no text is none.
 */
export function nameListItems(value: string): string[] {
  const items = [...value.matchAll(/(?:"((?:[^"]|"")*)"|([^\s,"]+))\s*(?:,|$)/g)];
  return items.map(([, quoted, bare = ""]) => quoted?.replaceAll('""', '"') ?? bare.toLowerCase());
}
