/** REP-004: the last attempt to archive WAL failed. */
import { queryCheck } from "../query-check.ts";

const SQL = `
  select 'archiver' as object,
         a.failed_count || ' failures, the last at ' ||
         pg_catalog.to_char(a.last_failed_time at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC' as detail
    from pg_catalog.pg_stat_archiver as a
   where a.last_failed_time is not null
     and (a.last_archived_time is null or a.last_failed_time > a.last_archived_time)`;

export default queryCheck({
  id: "REP-004",
  title: "archiving fails",
  severity: "medium",
  why:
    "Backups end where archiving stopped, and the server keeps every segment that it could not hand over until the disk is full " +
    "and it stops.",
  remedy:
    "Read the server's log for what archive_command said, repair it, and watch pg_stat_archiver until it catches up.",
  references: { cis: ["7.4"], manual: ["pg_stat_archiver", "Setting Up WAL Archiving"] },
  scope: "cluster",
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "Repair archive_command or archive_library; the server tries again by itself." },
  }),
});
