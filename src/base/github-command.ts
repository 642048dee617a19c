/**
 * Text inside a workflow command of GitHub Actions. A command is one line; `%`, carriage return and line feed are escaped in
 * its text, `:` and `,` also in properties, so no foreign text can end the line, start another command or add a property.
 * Source: GitHub Docs, "Workflow commands for GitHub Actions"; actions/toolkit, command.ts.
 */
import { tameText } from "./tame.ts";

/** The text after the second pair of colons. */
export function githubData(text: string): string {
  return tameText(text).replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/** The value of a property. */
export function githubProperty(text: string): string {
  return githubData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
