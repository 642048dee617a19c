/** Values and defaults without a server against those of real servers. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { offlineFacts } from "../../../../src/audit/facts/offline-facts.ts";
import { allKinds } from "../../../../src/audit/facts/setting-kinds.ts";
import { availableMajors, startCluster } from "../../../support/cluster.ts";

const LINES = [
  "authentication_timeout = '0.5 min'",
  "LOG_Connections = on",
  "log_min_duration_statement = 1500us # rounded",
  "work_mem = 1GB",
  "work_mem = '8 MB'",
  "temp_file_limit = 1TB",
  "statement_timeout = 1h",
  "idle_in_transaction_session_timeout = 90s",
  "log_line_prefix = 'a''b\\'c\\n'",
  "log_min_messages = WARNING",
  "ssl_min_protocol_version = 'tlsv1.3'",
  "log_statement = Ddl",
  "autovacuum_vacuum_cost_delay = 2500us",
  "seq_page_cost = 0.5",
  "jit = of",
  "log_duration yes",
  "search_path = '\"$user\", public'",
  "log_file_mode = 0640",
  "constraint_exclusion = partition",
  "log_rotation_age = 1d",
  "client_connection_check_interval = 0x10",
  "row_security = 1",
  "cursor_tuple_fraction = '1e-2'",
];

it.each(availableMajors())("tells the values and defaults of PostgreSQL %i", async (major) => {
  await using cluster = await startCluster({ major });
  const conf = join(cluster.dataDir, "lines.conf");
  writeFileSync(conf, LINES.join("\n"));
  writeFileSync(join(cluster.dataDir, "postgresql.conf"), "include 'lines.conf'\n");
  await cluster.reload();
  expect(await cluster.sql("show work_mem")).toEqual([{ work_mem: "8MB" }]);

  // Modes of files are shown in octal, and their defaults in decimal.
  const rows = await cluster.sql(`select name, setting, source,
           case when name in ('unix_socket_permissions', 'log_file_mode') then setting else boot_val end as boot_val
      from pg_settings where name not like '%.%'`);
  const facts = offlineFacts({ conf, now: new Date(0), declared: {}, version: String(major) });
  const settings = await facts.settings();
  const names = new Set(LINES.map((line) => line.split(/[ =]/)[0]?.toLowerCase() ?? ""));
  let compared = 0;
  for (const { name, setting, boot_val } of rows) {
    const kind = allKinds().get(String(name).toLowerCase());
    if (names.has(String(name).toLowerCase())) {
      expect(`${name} = ${settings.value(name)}`).toBe(`${name} = ${setting}`);
      compared += 1;
    } else if (kind?.defaultOf(major) !== undefined) {
      expect(`${name} = ${settings.value(name)}`).toBe(`${name} = ${boot_val ?? ""}`);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(300);
});
