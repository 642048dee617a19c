/**
 * The numbered files of sql/relay, in the order of their numbers.
 *
 * Whatever file of that form is in the folder belongs to the schema; nothing lists them. A file's name is its identity in
 * tide.meta, so it is neither renamed nor reused after a release.
 */
import { readdirSync, readFileSync } from "node:fs";
import { assert } from "../../base/assert.ts";

const DIRECTORY = new URL("../../../sql/relay/", import.meta.url);

/** "0003_outbox.sql": four digits, then words. */
const NUMBERED = /^(\d{4})_[a-z0-9_]+\.sql$/;

export interface Migration {
  /** The file's name; under it tide.meta notes that it ran. */
  name: string;
  number: number;
}

let found: readonly Migration[] | undefined;

/** Every migration of this version, first to last. */
export function migrations(): readonly Migration[] {
  found ??= readdirSync(DIRECTORY)
    .flatMap((name) => {
      const digits = NUMBERED.exec(name)?.[1];
      return digits === undefined ? [] : [{ name, number: Number(digits) }];
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  assert(new Set(found.map(({ number }) => number)).size === found.length, "no two migrations have one number");
  return found;
}

const texts = new Map<string, string>();

/** The SQL of one file of sql/relay, as it stands. */
export function relaySql(name: string): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(name, DIRECTORY), "utf8");
    texts.set(name, text);
  }
  return text;
}
