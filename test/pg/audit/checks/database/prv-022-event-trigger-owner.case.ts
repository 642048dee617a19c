/** PRV-022. */
import check from "../../../../../src/audit/checks/database/prv-022-event-trigger-owner.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const body = "returns event_trigger language plpgsql as 'begin end'";

export default defineCase({
  check,
  defect: `
    create role "Mak""er";
    create schema "La;b";
    create function "La;b"."Wat""ch"() ${body};
    create event trigger "Ev""ery" on ddl_command_end execute function "La;b"."Wat""ch"();
    alter function "La;b"."Wat""ch"() owner to "Mak""er"`,
  finds: [`"Ev""ery"`],
  lookAlike: `
    create role lab_maker;
    create function public.lab_watch() ${body};
    create function public.lab_asleep() ${body};
    create event trigger lab_every on ddl_command_end execute function public.lab_watch();
    create event trigger lab_disabled on ddl_command_end execute function public.lab_asleep();
    alter event trigger lab_disabled disable;
    alter function public.lab_asleep() owner to lab_maker`,
});
