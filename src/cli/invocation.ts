/** What every part of the command line is handed: one run of the program as it began. */
import type { Chunks } from "./code-cache.ts";
import type { Manifest, ProgramName } from "./manifest.ts";
import type { Output } from "./output.ts";

/** What one run of the program knows from its start. */
export interface Invocation {
  program: ProgramName;
  manifest: Manifest;
  output: Output;
  /** The words after the program's name. */
  words: readonly string[];
  /** The packed code, when it is what runs. */
  chunks: Chunks | undefined;
}
