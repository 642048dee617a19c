/** RLS-012. */
import rls012 from "../../../../../src/audit/checks/database/rls-012-view-without-barrier.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls012,
  defect: `
    create role lab_r; create schema lab; create table lab.t (id int, owner text, tenant text);
    create view lab."By user" as select id from lab.t where owner = current_user;
    create view lab.by_setting as select id from lab.t where tenant = current_setting('app.tenant');
    create view lab.off with (security_barrier = false) as select id from lab.t where owner = session_user;
    grant select on lab."By user", lab.by_setting, lab.off to lab_r`,
  finds: [`lab."By user"`, "lab.by_setting", "lab.off"],
  lookAlike: `
    create role lab_r; create schema lab; create table lab.t (id int, "user" text, "CURRENT_USER" text, app_user text);
    create view lab.fixed as select id, current_user from lab.t where app_user = 'x' and "user" = 'y' and "CURRENT_USER" = 'z';
    create view lab.shown as select id, current_user as me from lab.t;
    create view lab.kept with (security_barrier = on) as select id from lab.t where app_user = current_user;
    create view lab.kept_too with (security_barrier) as select id from lab.t where app_user = current_user;
    create view lab.kept_also with (security_barrier = yes) as select id from lab.t where app_user = current_user;
    grant select on lab.fixed, lab.shown, lab.kept, lab.kept_too, lab.kept_also to lab_r;
    create view lab.own as select id from lab.t where app_user = current_user`,
});
