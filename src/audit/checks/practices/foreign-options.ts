/** Options of foreign servers, tables and user mappings that hold a secret: names only, values stay on the server. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { textsOf } from "../database/json-texts.ts";

const NAMES =
  "password|passwd|pwd|passphrase|secret|token|sslpassword|scram_client_key|scram_server_key|private_key|api_?key|" +
  "api_token|access_token|secret_key|secret_access_key|aws_secret_access_key|client_secret";

/** Sorted names of such options in `options`, a text[] expression; NULL when there are none. */
export function secretOptions(options: string): string {
  return `(
         select pg_catalog.array_agg(pg_catalog.split_part(x.entry, '=', 1) order by x.entry collate "C")
           from pg_catalog.unnest(${options}) as x (entry)
          where x.entry ~* '^(${NAMES})=.')`;
}

/** `drop "password", drop "token"`, of the column `names`, as it stands in ALTER ... OPTIONS. */
export function dropOptions({ names }: TextRow): string {
  return textsOf(names)
    .map((option) => `drop ${ident(option)}`)
    .join(", ");
}
