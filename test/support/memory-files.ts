/** Configuration files in memory, for tests that need no disk. */
import type { ConfSource } from "../../src/audit/hba/conf-files.ts";

const MISSING = { isMissing: true, reason: "No such file or directory" } as const;

/** Files by absolute path. A directory has the files whose paths continue its own. */
export function memoryFiles(files: Readonly<Record<string, string | Buffer>>): ConfSource {
  return {
    read: async (path) => {
      const content = Object.hasOwn(files, path) ? files[path] : undefined;
      return content === undefined ? MISSING : Buffer.from(content);
    },
    list: async (path) => {
      const inside = Object.keys(files).filter((name) => name.startsWith(`${path}/`));
      return inside.length === 0 ? MISSING : inside.map((name) => name.slice(path.length + 1).split("/")[0] ?? "");
    },
  };
}
