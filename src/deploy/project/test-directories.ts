/** Finds the test directories of a project: those below `__test__` or `__tests__` that directly hold a file. */
import { compareBytes } from "./byte-order.ts";
import type { ProjectFile, TestDirectory } from "./project.ts";
import { directoryOf } from "./sql-files.ts";

/** The test directories, parents before children. */
export function testDirectoriesOf(files: readonly ProjectFile[]): TestDirectory[] {
  const listed = new Set(files.filter(({ isTest }) => isTest).map(({ path }) => directoryOf(path)));
  return [...listed]
    .sort(compareBytes)
    .map((path) => ({ path, parentPath: nearestListedAncestor(path, listed), depth: depthBelowTestRoot(path) }));
}

function nearestListedAncestor(path: string, listed: ReadonlySet<string>): string | undefined {
  let ancestor = parentOf(path);
  while (ancestor !== "" && !listed.has(ancestor)) ancestor = parentOf(ancestor);
  return ancestor === "" ? undefined : ancestor;
}

/** "./a/b/" -> "./a/"; "./" -> "" */
function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/", path.length - 2) + 1);
}

/** Directories below the first `__test__` or `__tests__` segment. */
function depthBelowTestRoot(path: string): number {
  const segments = path.split("/");
  const root = segments.findIndex((segment) => segment === "__test__" || segment === "__tests__");
  return segments.length - 2 - root;
}
