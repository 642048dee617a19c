/** A new project: its tree on stdout, what to do next on stderr. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/project.init.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ directory, files, kept }, { ascii }) => {
    const shown = files.filter((file) => !file.startsWith(".pgkeep/"));
    const notes = kept.map((file) => `${file} (kept)`);
    return `${tameLine(directory)}/\n${treeLines([...shown, ...notes].sort(), ascii).join("\n")}\n`;
  },
  summary: ({ directory, embedded }, { program }) => {
    const steps = [`cd '${tameLine(directory)}'`, `${program} ${program === "pgmi" ? "info" : "plan"} .`];
    if (embedded) steps.push(`${program} deploy .`);
    else {
      steps.push(`${program} deploy . -d <database>`);
      if (program !== "pgmi") steps.push(`${program} deploy . --embedded -d <database>     on a PostgreSQL of its own`);
    }
    return ["next:", ...steps.map((step) => `  ${step}`)].join("\n");
  },
});

/** Paths in order as a tree; each directory is named once. */
function treeLines(paths: readonly string[], ascii: boolean): string[] {
  const lines: string[] = [];
  let open: string[] = [];
  for (const path of paths) {
    const parts = path.split("/");
    const folders = parts.slice(0, -1);
    for (const [depth, folder] of folders.entries()) {
      if (open[depth] === folder && depth < open.length) continue;
      lines.push(branch(depth, `${folder}/`, ascii));
      open = folders.slice(0, depth + 1);
    }
    open = folders;
    lines.push(branch(folders.length, parts.at(-1) ?? "", ascii));
  }
  return lines;
}

function branch(depth: number, name: string, ascii: boolean): string {
  return `${"  ".repeat(depth)}${ascii ? "|- " : "├─ "}${tameLine(name)}`;
}
