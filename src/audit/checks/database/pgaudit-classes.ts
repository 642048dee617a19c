/** What pgaudit.log amounts to. Source: pgAudit's documentation, section "pgaudit.log". */

const CLASSES = ["read", "write", "function", "role", "ddl", "misc", "misc_set"];

/** Classes of the list; a later word wins over an earlier one, a minus takes a class away. */
export function pgauditClasses(value: string): ReadonlySet<string> {
  const classes = new Set<string>();
  for (const word of value.toLowerCase().split(",")) {
    const isTaken = word.trim().startsWith("-");
    const name = word.trim().replace(/^-\s*/, "");
    for (const each of name === "all" ? CLASSES : [name]) {
      if (!CLASSES.includes(each)) continue;
      if (isTaken) classes.delete(each);
      else classes.add(each);
    }
    if (name === "none") classes.clear();
  }
  return classes;
}
