/**
 * Graphs as text: DOT for Graphviz, Mermaid for pages that draw it.
 *
 * Nodes are numbered and names are labels, never identifiers, so that no name of a server can become part of the
 * diagram's own language.
 */
import { tameLine } from "../base/tame.ts";

export interface GraphDrawing {
  /** One word. */
  name: string;
  nodes: readonly { label: string }[];
  /** `from` and `to` are places in `nodes`. */
  edges: readonly { from: number; to: number; label: string; isDashed: boolean }[];
}

export function dotGraph({ name, nodes, edges }: GraphDrawing): string {
  const quoted = (text: string): string => `"${tameLine(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return [
    `digraph ${name} {`,
    "  rankdir=LR;",
    ...nodes.map(({ label }, index) => `  n${index} [label=${quoted(label)}];`),
    ...edges.map(({ from, to, label, isDashed }) => {
      const style = isDashed ? "dashed" : "solid";
      return `  n${from} -> n${to} [label=${quoted(label)}, style=${style}];`;
    }),
    "}",
    "",
  ].join("\n");
}

export function mermaidGraph({ nodes, edges }: GraphDrawing): string {
  const quoted = (text: string): string => `"${tameLine(text).replace(/["#&<>;`\\]/g, entity)}"`;
  return [
    "flowchart LR",
    ...nodes.map(({ label }, index) => `  n${index}[${quoted(label)}]`),
    ...edges.map(({ from, to, label, isDashed }) => `  n${from} ${isDashed ? "-.->" : "-->"}|${quoted(label)}| n${to}`),
    "",
  ].join("\n");
}

/** Mermaid's own escape: #34; for a double quote. */
const entity = (character: string): string => `#${character.charCodeAt(0)};`;
