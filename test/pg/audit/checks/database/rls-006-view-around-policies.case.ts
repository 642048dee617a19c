/** RLS-006. On 14 there is no security_invoker, and nothing helps a materialized view but taking SELECT away. */
import rls006 from "../../../../../src/audit/checks/database/rls-006-view-around-policies.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const TABLES = `
    create role lab_r; create role lab_owner; create role lab_other; create role lab_bypass bypassrls; create schema lab;
    create table lab.t (id int, tenant text); alter table lab.t enable row level security;
    create policy own on lab.t using (tenant = current_user); alter table lab.t owner to lab_owner;
    create table lab.forced (id int, tenant text); alter table lab.forced enable row level security;
    alter table lab.forced force row level security; alter table lab.forced owner to lab_owner`;

const VIEWS = `${TABLES};
    create view lab."By owner" as select id from lab.t; alter view lab."By owner" owner to lab_owner;
    create view lab.by_bypass as select id from lab.forced; alter view lab.by_bypass owner to lab_bypass;
    create view lab.inner_one as select id from lab.t;
    create view lab.outer_one as select * from lab.inner_one; alter view lab.outer_one owner to lab_other;
    grant select on lab."By owner", lab.by_bypass, lab.outer_one to lab_r`;

const FORCED_OWNER = `
    create view lab.by_forced_owner as select id from lab.forced; alter view lab.by_forced_owner owner to lab_owner;
    create view lab.by_nobody as select id from lab.t; alter view lab.by_nobody owner to lab_other;
    create view lab.ungranted as select id from lab.t;
    create role lab_boss superuser; create view lab.for_boss as select id from lab.t; grant select on lab.for_boss to lab_boss;
    create table lab.open (id int); create view lab.of_open as select id from lab.open;
    grant select on lab.by_forced_owner, lab.by_nobody, lab.of_open to lab_r`;

export default [
  defineCase({
    check: rls006,
    majors: [15, 16, 17, 18],
    defect: VIEWS,
    finds: [`lab."By owner"`, "lab.by_bypass", "lab.outer_one"],
    lookAlike: `${TABLES}; ${FORCED_OWNER};
    create view lab.i1 with (security_invoker = on) as select id from lab.t;
    create view lab.i2 with (security_invoker = 1) as select id from lab.t;
    create view lab.i3 with (security_invoker = yes) as select id from lab.t;
    create view lab.i4 with (security_invoker) as select id from lab.i1;
    grant select on lab.i1, lab.i2, lab.i3, lab.i4 to lab_r`,
  }),
  defineCase({
    check: rls006,
    defect: `${VIEWS}; create materialized view lab.kept as select id from lab.t;
    create view lab.shows_kept as select id from lab.kept; grant select (id) on lab.kept to lab_r;
    grant select on lab.shows_kept to lab_r; alter view lab.shows_kept owner to lab_other`,
    finds: [`lab."By owner"`, "lab.by_bypass", "lab.outer_one", "lab.kept", "lab.shows_kept"],
    cure: `revoke select on lab."By owner", lab.by_bypass, lab.outer_one, lab.shows_kept from lab_r;
    revoke select (id) on lab.kept from lab_r`,
    lookAlike: `${TABLES}; ${FORCED_OWNER}`,
  }),
];
