/** ROL-024. */
import check from "../../../../../src/audit/checks/database/rol-024-several-owners.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role lab_anna;
    create role "Ben";
    create schema "La,b";
    create table "La,b".one (id int);
    create table "La,b".two (id int);
    alter table "La,b".one owner to lab_anna;
    alter table "La,b".two owner to "Ben"`,
  finds: [`"La,b"`],
  lookAlike: `
    create role lab_anna;
    create schema lab;
    create table lab.one (id int);
    create view lab.seen as select id from lab.one;
    alter view lab.seen owner to lab_anna;
    create table lab.of_extension (id int);
    alter table lab.of_extension owner to lab_anna;
    alter extension plpgsql add table lab.of_extension`,
  cure: `alter table "La,b".two owner to lab_anna`,
});
