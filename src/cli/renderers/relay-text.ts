/** Words that the relay's commands share. */

/** "12:04:31.201" of an RFC 3339 time. */
export function clockText(at: unknown): string {
  return typeof at === "string" ? at.slice(11, 23) : "";
}

export const textOf = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
