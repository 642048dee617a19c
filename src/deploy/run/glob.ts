/**
 * A path pattern of the command line as the regular expression that the session's plan takes.
 *
 * The expression is matched by the server, so it is in its dialect, anchored at both ends, and every character that
 * means something there is escaped: a filter can be wrong, but it cannot be slow or surprising. `*` and `?` stay within
 * one directory or file name, `**` crosses directories. A pattern without a slash is matched against file names, with
 * one against paths from the project's root.
 */

/** 500 characters: no path needs a longer pattern. */
export const MAX_GLOB_LENGTH = 500;

export function globToRegExp(glob: string): string {
  const pattern = glob.replace(/^\.?\//, "");
  const body = pattern.replace(/\*\*\/|\*+|\?|[^*?]+/g, (part) => {
    if (part === "**/") return "(.*/)?";
    if (part === "*") return "[^/]*";
    if (part.startsWith("*")) return ".*";
    return part === "?" ? "[^/]" : escapeForServer(part);
  });
  return `^\\./${pattern.includes("/") ? "" : "(.*/)?"}${body}$`;
}

function escapeForServer(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
}
