/** Commands to paste: what hints are made of. */
import { tameLine } from "./tame.ts";

const HARMLESS = /^[\w./@:+-]+$/;

/** A word that a person can paste into a shell, whatever is in it: as it is when it is harmless, else tamed and quoted. */
export function shellWord(text: string): string {
  // Judged before it is tamed: taming would change the colons an IPv6 address begins with.
  if (HARMLESS.test(text)) return text;
  const word = tameLine(text);
  return HARMLESS.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
