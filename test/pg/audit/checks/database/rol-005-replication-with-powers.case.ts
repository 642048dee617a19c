/** ROL-005. */
import check from "../../../../../src/audit/checks/database/rol-005-replication-with-powers.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role lab_maker login replication createrole;
    create role "Owner" login replication;
    create role lab_reader replication;
    create schema lab authorization "Owner";
    create table lab.kept (id int);
    grant select on lab.kept to lab_reader`,
  finds: ["lab_maker", `"Owner"`, "lab_reader"],
  lookAlike: `
    create role lab_standby login replication;
    grant connect on database postgres to lab_standby;
    create role lab_root superuser replication createdb;
    create role lab_app login createrole;
    create role lab_group;
    create table public.lab_kept (id int);
    grant select on public.lab_kept to lab_group;
    alter role lab_standby set work_mem = '8MB'`,
  cure: `alter role lab_maker noreplication; alter role "Owner" noreplication; alter role lab_reader noreplication`,
});
