/** What a project holds, as names beside values. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/deploy.info.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (output) => {
    const { path, template, deploySql, configFile, totalFiles, sqlFiles, testFiles, metadataWith, directories } =
      output;
    const lines = [
      `project      ${tameLine(path)}`,
      `layout       ${template}`,
      `deploy.sql   ${deploySql ? "present" : "missing"}`,
      `pgmi.yaml    ${tameLine(configFile)}`,
      `files        ${totalFiles}: ${sqlFiles} SQL, ${testFiles} below test directories`,
      `metadata     ${metadataWith} of ${sqlFiles} SQL files`,
    ];
    for (const [directory, count] of Object.entries(directories)) lines.push(`  ${tameLine(directory)}  ${count}`);
    return `${lines.join("\n")}\n`;
  },
});
