/** Foreign text inside of Markdown. */

/** Text inside a Markdown table: no markup, no HTML, no line break, no column of its own. */
export function markdownCell(text: string): string {
  return text
    .slice(0, 500)
    .replace(/[\\`*_{}[\]<>()#+!|~@&-]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/\s+/g, " ");
}
