/** Where a command was sent, as flags again: for the commands that hints and `next:` lines name. */
import { shellWord } from "../../base/shell.ts";

/** What a command was told about its target; the values are those of its flags. */
export interface Place {
  embedded?: unknown;
  connection?: unknown;
  host?: unknown;
  port?: unknown;
  username?: unknown;
  database?: unknown;
  sslmode?: unknown;
  sslrootcert?: unknown;
  config?: unknown;
  env?: unknown;
}

/** ["--embedded", "-d shop"]. A connection string can hold a secret: in its stead stands that it is needed. */
export function placeFlags(place: Place): string[] {
  return [
    ...(place.embedded === true ? ["--embedded"] : []),
    ...(place.connection === undefined ? [] : ["--connection '(as before)'"]),
    ...flag("-h", place.host),
    ...flag("-p", place.port),
    ...flag("-U", place.username),
    ...flag("-d", place.database),
    ...flag("--sslmode", place.sslmode),
    ...flag("--sslrootcert", place.sslrootcert),
    ...flag("--config", place.config),
    ...flag("--env", place.env),
  ];
}

function flag(name: string, value: unknown): string[] {
  return typeof value === "string" || typeof value === "number" ? [`${name} ${shellWord(String(value))}`] : [];
}
