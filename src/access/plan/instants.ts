/** Dates and times of the model and of the server, in one form. */

/**
 * A date or time as the server would write it, in UTC, so that the session's time zone decides nothing. "infinity" and
 * no limit at all are the same. What is no date that we know is left for the server to read.
 */
export function normalInstant(text: string | undefined): string | undefined {
  if (text === undefined || text === "infinity") return undefined;
  const match = /^(\d{4,})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i.exec(
    text.trim(),
  );
  if (!match) return text;
  const [, year = "", month, day, time = "00:00:00", zone = "Z"] = match;
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d\d)(\d\d)$/, "$1:$2");
  const instant = new Date(`${year}-${month}-${day}T${time.length === 5 ? `${time}:00` : time}${offset.toUpperCase()}`);
  if (year.length > 4 || Number.isNaN(instant.getTime())) return text;
  return instant
    .toISOString()
    .replace("T", " ")
    .replace(/(?:\.000)?Z$/, "+00");
}
