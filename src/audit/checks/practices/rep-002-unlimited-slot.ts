/** REP-002: nobody reads a replication slot, and nothing limits what is kept for it. */
import { literal } from "../../../pg/identifiers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";

/** A slot that never reserved WAL, or lost it, keeps none; a temporary one ends with its session. */
const SQL = `
  select pg_catalog.quote_ident(s.slot_name) as object, s.slot_type as type, s.slot_name as name
    from pg_catalog.pg_replication_slots as s
   where not s.active
     and not s.temporary
     and s.restart_lsn is not null
   order by 1`;

export default defineCheck({
  id: "REP-002",
  title: "inactive slot without WAL limit",
  severity: "medium",
  why:
    "The server keeps all WAL from the slot's position on until somebody reads it. A forgotten slot fills the disk, and a full " +
    "disk stops the server; whoever has REPLICATION can do that on purpose.",
  remedy: "Drop slots that nobody comes back for, and set max_slot_wal_keep_size to what the disk can spare.",
  limits:
    "A slot whose reader is only away for a moment looks the same. From 18 on idle_replication_slot_timeout is a limit too.",
  references: { manual: ["Replication Slots", "Replication: Sending Servers"] },
  scope: "cluster",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const settings = await facts.settings();
  if (settings.value("max_slot_wal_keep_size") !== "-1") return [];
  if ((settings.find("idle_replication_slot_timeout")?.value ?? "0") !== "0") return [];
  return (await facts.query(SQL)).map(({ object, type, name }) => ({
    object: object ?? "",
    detail: `inactive ${type} slot keeps WAL without limit`,
    fix: {
      kind: "sql",
      sql: [`select pg_catalog.pg_drop_replication_slot(${literal(name ?? "")})`],
      risk: "high",
      riskReason: "a standby or subscriber that still wants to come back has to be made anew",
    },
  }));
}
