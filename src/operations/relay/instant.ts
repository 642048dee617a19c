/** A moment as people write it, in the one form that names the same moment everywhere. */

const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)([Zz]|[+-]\d\d:\d\d))?$/;

/**
 * The moment of `text` in UTC: RFC 3339, or a date alone, which is its midnight in UTC. undefined for anything else: a
 * time without a zone, or a date in the order of some country, is another moment to the server than to the person.
 */
export function instantOf(text: string): string | undefined {
  const [, date, time = "00:00", zone = "Z"] = INSTANT.exec(text) ?? [];
  const moment = new Date(`${date}T${time}${zone.toUpperCase()}`);
  return date === undefined || Number.isNaN(moment.getTime()) ? undefined : moment.toISOString();
}
