/** PRV-016: foreign servers that everybody may use, and wrappers that others than superusers may. */
import { type GrantSource, grantsCheck } from "./grants.ts";
import { notOfProvider } from "./provider-roles.ts";

const SERVERS: GrantSource = {
  kind: "'foreign-server'",
  from: "pg_catalog.pg_foreign_server as s",
  acl: "s.srvacl",
  owner: "s.srvowner",
  object: "pg_catalog.quote_ident(s.srvname)",
  name: "s.srvname",
};

const WRAPPERS: GrantSource = {
  kind: "'foreign-data-wrapper'",
  from: "pg_catalog.pg_foreign_data_wrapper as w",
  acl: "w.fdwacl",
  owner: "w.fdwowner",
  object: "'FDW ' || pg_catalog.quote_ident(w.fdwname)",
  name: "w.fdwname",
};

export default grantsCheck({
  id: "PRV-016",
  title: "foreign server or wrapper is open too widely",
  severity: "medium",
  why:
    "USAGE on a foreign server lets a role map itself a login there and make tables of it; USAGE on a wrapper lets it define " +
    "servers of its own, so that the database connects to any host and port from inside the network.",
  remedy: "Revoke it, and grant USAGE on single servers to the role that makes foreign tables.",
  limits: "A server that was granted to a named role is no finding; a wrapper is, unless that role is a superuser.",
  references: { manual: ["Privileges"] },
  grants: () => [
    { source: SERVERS, entry: "a.grantee = 0" },
    {
      source: WRAPPERS,
      entry: "a.grantee <> w.fdwowner",
      where: `not coalesce(e.rolsuper, false)
     and ${notOfProvider("coalesce(e.rolname, '')")}`,
    },
  ],
  perGrantee: true,
  detail: ({ object }) =>
    object.startsWith("FDW ") ? "USAGE on a wrapper, which makes foreign servers" : "USAGE on a foreign server",
  risk: "medium",
  riskReason: "user mappings and foreign tables cannot be made through it any more; existing ones go on working",
});
