/** Which build this is. */
import { existsSync, readFileSync } from "node:fs";
import { defineOperation } from "../base/operation.ts";

export default defineOperation({
  name: "version",
  summary: "Show the version, the commit it was built from, and the platform",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "version",
    examples: [{ line: "pgkeep version", does: "version, commit, build date and platform" }],
  },
  input: (z) => z.strictObject({}),
  output: (z) =>
    z.strictObject({
      version: z.string(),
      commit: z.string().meta({ description: "Commit of the build, or unknown" }),
      built: z.string().meta({ description: "Date of that commit" }),
      node: z.string(),
      platform: z.string(),
      session_api: z.int().meta({ description: "Level of the session interface that deploy.sql sees" }),
    }),
  run: async () => ({
    ...buildFacts(),
    node: process.versions.node,
    platform: `${process.platform}/${process.arch}`,
    session_api: 1,
  }),
});

/** Version, and where the build came from. */
export function buildFacts(): { version: string; commit: string; built: string } {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const build = new URL("../build.json", import.meta.url);
  // Written by the build; running from the sources there is none.
  if (!existsSync(build)) return { version, commit: "unknown", built: "unknown" };
  const { commit, built } = JSON.parse(readFileSync(build, "utf8"));
  return { version, commit, built };
}
