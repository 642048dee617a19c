/** Which paths of a project hold SQL, tests and fixtures. The session's own SQL decides by the same rules. */

const SQL_EXTENSIONS = new Set(["sql", "ddl", "dml", "dql", "dcl", "psql", "pgsql", "plpgsql"]);

/** By the text after the last dot of the name, in any case. */
export function isSqlPath(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return dot >= 0 && SQL_EXTENSIONS.has(name.slice(dot + 1).toLowerCase());
}

export function isTestPath(path: string): boolean {
  return path.includes("/__test__/") || path.includes("/__tests__/");
}

/** `_setup.sql` or `_setup.psql` of a test directory, in any case. */
export function isFixturePath(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  return name === "_setup.sql" || name === "_setup.psql";
}

/** `__name__` directories are reserved; two of them have a meaning. */
export function isReservedDirectory(name: string): boolean {
  return /^__[^/]+__$/.test(name) && name !== "__test__" && name !== "__tests__";
}

/** "./a/b.sql" -> "./a/" */
export function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
