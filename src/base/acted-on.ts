/**
 * The characters that act on whoever reads a text, or that show nothing to them: DEL and C1, soft hyphen, zero-width and
 * bidirectional ones, line and paragraph separators, byte order mark, and tags, which spell words for a program that reads.
 *
 * C0 is not among them, because formats differ in which of those they may write.
 */

/** The inside of a character class, for regular expressions with the flag u. */
export const ACTED_ON =
  "\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\u{e0000}-\\u{e007f}";
