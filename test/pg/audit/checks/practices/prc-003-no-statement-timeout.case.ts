/** Logins without a limit, or with one of zero, beside those that have one by themselves or need none. */
import check from "../../../../../src/audit/checks/practices/prc-003-no-statement-timeout.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create role "App" login; create role zero login; alter role zero set statement_timeout = '0ms';
    create role here login; alter role here in database postgres set statement_timeout = '1min'`,
  finds: ['"App"', "here", "zero"],
  lookAlike: `create role app login; alter role app set statement_timeout = '30s';
    create role standby login replication; create role boss login superuser; create role team nologin;
    create role long login; alter role long set statement_timeout = '100h'`,
});
