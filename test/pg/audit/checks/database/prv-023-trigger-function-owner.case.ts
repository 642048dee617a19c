/** PRV-023. */
import check from "../../../../../src/audit/checks/database/prv-023-trigger-function-owner.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const body = "returns trigger language plpgsql as 'begin return new; end'";

export default [
  defineCase({
    check,
    defect: `
      create role "Own""er";
      create role lab_maker;
      create schema lab;
      create function lab."Fi""re"() ${body};
      create table lab.orders (id int) partition by list (id);
      create table lab.orders_1 partition of lab.orders for values in (1);
      create trigger "Be""fore" before insert on lab.orders for each row execute function lab."Fi""re"();
      alter table lab.orders owner to "Own""er";
      alter table lab.orders_1 owner to "Own""er";
      alter function lab."Fi""re"() owner to lab_maker`,
    finds: [`lab.orders / "Be""fore"`],
    lookAlike: `
      create role lab_owner;
      create role lab_member;
      create role lab_maker;
      grant lab_owner to lab_member;
      create schema lab;
      create function lab.of_superuser() ${body};
      create function lab.of_owner() ${body};
      create function lab.of_member() ${body};
      create function lab.asleep() ${body};
      create function lab.of_extension() ${body};
      create table lab.orders (id int primary key);
      create table lab.lines (id int references lab.orders);
      create trigger one before insert on lab.orders for each row execute function lab.of_superuser();
      create trigger two before insert on lab.orders for each row execute function lab.of_owner();
      create trigger three before insert on lab.orders for each row execute function lab.of_member();
      create trigger four before insert on lab.orders for each row execute function lab.asleep();
      create trigger five before insert on lab.orders for each row execute function lab.of_extension();
      alter table lab.orders disable trigger four;
      alter table lab.orders owner to lab_owner;
      alter function lab.of_owner() owner to lab_owner;
      alter function lab.of_member() owner to lab_member;
      alter function lab.asleep() owner to lab_maker;
      alter function lab.of_extension() owner to lab_maker;
      alter extension plpgsql add function lab.of_extension()`,
  }),
  // A function that serves tables of two owners has no owner that is right for both.
  defineCase({
    check,
    defect: `
      create role lab_anna;
      create role lab_ben;
      create role lab_maker;
      create schema lab;
      create function lab.fire() ${body};
      create table lab.one (id int);
      create table lab.two (id int);
      create trigger fire before insert on lab.one for each row execute function lab.fire();
      create trigger fire before insert on lab.two for each row execute function lab.fire();
      alter table lab.one owner to lab_anna;
      alter table lab.two owner to lab_ben;
      alter function lab.fire() owner to lab_maker`,
    finds: ["lab.one / fire", "lab.two / fire"],
    lookAlike: "create table public.lab_orders (id int)",
    cure: "alter function lab.fire() owner to postgres",
  }),
];
