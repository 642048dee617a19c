/** TLS-011. */
import tls011 from "../../../../../src/audit/checks/transport/tls-011-foreign-server-unverified.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

/** A wrapper of that name is enough: the options of servers are the same without the library. */
const WRAPPERS = "create foreign data wrapper postgres_fdw; create foreign data wrapper other_fdw";

export default defineCase({
  check: tls011,
  defect: `${WRAPPERS};
    create server "Far ""1""" foreign data wrapper postgres_fdw options (host 'db.example.org', sslmode 'require');
    create server lab_bare foreign data wrapper postgres_fdw options (hostaddr '10.0.0.5', dbname 'x');
    create server lab_two foreign data wrapper postgres_fdw options (host 'localhost,db.example.org')`,
  finds: [`"Far ""1"""`, "lab_bare", "lab_two"],
  lookAlike: `${WRAPPERS};
    create server lab_good foreign data wrapper postgres_fdw options (host 'db.example.org', sslmode 'verify-full');
    create server lab_ca foreign data wrapper postgres_fdw options (host 'db.example.org', sslmode 'verify-ca');
    create server lab_socket foreign data wrapper postgres_fdw options (host '/var/run/postgresql', sslmode 'disable');
    create server lab_near foreign data wrapper postgres_fdw options (host 'localhost');
    create server lab_none foreign data wrapper postgres_fdw options (dbname 'x');
    create server lab_other foreign data wrapper other_fdw options (host 'db.example.org')`,
});
