/** Names that a query returns as JSON: names hold any character, so nothing else separates them safely. */

/** `["a","b"]` as texts; anything else in it is left out. */
export function textsOf(json: string | null | undefined): readonly string[] {
  return listOf(json).filter((each) => typeof each === "string");
}

/** `[["a","b"],["c","d"]]` as lists of texts. */
export function textRowsOf(json: string | null | undefined): readonly (readonly string[])[] {
  return listOf(json)
    .filter((row): row is unknown[] => Array.isArray(row))
    .map((row) => row.filter((each) => typeof each === "string"));
}

function listOf(json: string | null | undefined): readonly unknown[] {
  const parsed: unknown = JSON.parse(json ?? "[]");
  return Array.isArray(parsed) ? parsed : [];
}
