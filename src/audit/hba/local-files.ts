/**
 * Configuration files of this machine, for an audit without a server: regular files only, and never larger than a cap.
 *
 * Links are followed, as the server follows them; what they lead to has to be a regular file.
 */
import { readdir, stat } from "node:fs/promises";
import { FileRefusal, readRegularFile, refusalOf } from "../../config/regular-file.ts";
import { type ConfRefusal, type ConfSource, MAX_FILE_BYTES } from "./conf-files.ts";

/** Reasons as the server has them, where it has any. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "No such file or directory",
  EACCES: "Permission denied",
  ENOTDIR: "Not a directory",
};

export const localFiles: ConfSource = {
  async read(path: string): Promise<Buffer | ConfRefusal> {
    try {
      return await readRegularFile(path, { maxBytes: MAX_FILE_BYTES, followLink: true });
    } catch (error) {
      // The server opens a directory without complaint, and reads nothing.
      return (await isDirectory(path)) ? Buffer.alloc(0) : refused(error);
    }
  },

  async list(path: string): Promise<readonly string[] | ConfRefusal> {
    try {
      const entries = await readdir(path, { withFileTypes: true });
      return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    } catch (error) {
      return refused(refusalOf(error));
    }
  },
};

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

function refused(error: unknown): ConfRefusal {
  if (!(error instanceof FileRefusal)) throw error;
  const { systemCode = "", message } = error;
  return { isMissing: systemCode === "ENOENT", reason: REASONS[systemCode] ?? message };
}
