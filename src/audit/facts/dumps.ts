/** What a file is by its first bytes: a dump of a database, a base backup, or neither. Tells nothing of what it holds. */
import { constants, gunzipSync } from "node:zlib";
import { headOf } from "./files.ts";

/** 4 KiB: the head of a plain dump is in the first few lines. */
const HEAD_BYTES = 4096;

/** "a dump", "a base backup"; undefined: neither, or not to be recognized. Throws Unanswered. */
export function dumpKindOf(path: string): string | undefined {
  const head = headOf(path, HEAD_BYTES);
  return head === undefined ? undefined : kindOf(isGzip(head) ? inflated(head) : head);
}

function kindOf(head: Buffer): string | undefined {
  // A tar begins with the name of its first file.
  const firstName = head.subarray(0, 100).toString("latin1").split("\0", 1)[0] ?? "";
  if (head.subarray(0, 5).toString("latin1") === "PGDMP" || firstName === "toc.dat") return "a dump";
  if (/^(backup_label|PG_VERSION|base\/|global\/|\.\/backup_label)/.test(firstName) && isTar(head))
    return "a base backup";
  const text = head.toString("latin1");
  if (/^--\s*\n?-- PostgreSQL database (cluster )?dump/m.test(text)) return "a dump";
  return /^(PGDMP|\s*COPY \S+ \(.*\) FROM stdin;)/m.test(text) ? "a dump" : undefined;
}

function isTar(head: Buffer): boolean {
  return head.subarray(257, 262).toString("latin1") === "ustar";
}

function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** The beginning alone, of at most 64 KiB: what a few thousand bytes can become is a thousand times as much. */
function inflated(head: Buffer): Buffer {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 64 * 1024 });
  } catch {
    return Buffer.alloc(0);
  }
}
