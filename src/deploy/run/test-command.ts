/**
 * The command that tries one failed test again, for hints.
 *
 * It goes to the same place as the run did, so the flags that said where are repeated. A connection string and parameters
 * can hold secrets: in their place stands that they are needed.
 */
import { shellWord } from "../../base/shell.ts";
import { placeFlags } from "../../pg/connect/place.ts";
import type { RunInput } from "./offline.ts";

/** `pgkeep test shop --embedded -d shop --with-deploy --filter '__test__/test_a.sql'` */
export function testCommand(input: RunInput, test: string): string {
  const words = [
    "pgkeep test",
    shellWord(input.path),
    ...placeFlags(input),
    ...parameterFlags(input),
    `--with-deploy --filter '${globOf(test)}'`,
  ];
  return words.join(" ");
}

function parameterFlags({ param = [], paramsFile = [] }: RunInput): string[] {
  return [
    ...paramsFile.map((file) => `--params-file ${shellWord(file)}`),
    ...(param.length > 0 ? ["--param '(as before)'"] : []),
  ];
}

/** The path as a glob that matches itself, for a command line in single quotes. */
function globOf(path: string): string {
  return path.replace(/^\.\//, "").replace(/[^A-Za-z0-9_./-]/g, "?");
}
