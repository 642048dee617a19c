/** NET-005 where no MD5 hash is stored: the rule means SCRAM, and only a superuser can know. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import net005 from "../../../../../src/audit/checks/network/net-005-md5-method.ts";
import { outcomeOn } from "../../../../conformance/audit/outcome-on.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

it.each(availableMajors())("is low, not medium, with SCRAM verifiers only, PostgreSQL %i", async (major) => {
  await using cluster = await startCluster({ major });
  await using session = await connectTo(cluster);
  await session.script("create role plain_name_md5 login password 'SCRAM is what this becomes'");
  writeFileSync(join(cluster.dataDir, "pg_hba.conf"), "host all all 10.0.0.0/8 md5\n");
  expect(await outcomeOn(session, net005)).toMatchObject({ status: "fail", found: [{ severity: "low" }] });

  await session.script(`create role auditor; grant select on pg_catalog.pg_hba_file_rules to auditor;
    grant execute on function pg_catalog.pg_hba_file_rules() to auditor; set role auditor`);
  expect(await outcomeOn(session, net005)).toMatchObject({ status: "fail", found: [{ severity: undefined }] });
});
