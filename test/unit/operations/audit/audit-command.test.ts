/** The command that audits as the new role: the same line to the same server, and nothing that is secret. */
import { describe, expect, it } from "vitest";
import { auditCommand } from "../../../../src/operations/audit/audit-command.ts";
import type { ServerRequest } from "../../../../src/operations/server/connect.ts";

const HOSTS = [{ host: "db", port: 5433 }];
const command = (request: ServerRequest, hosts = HOSTS): string =>
  auditCommand({ request, settings: { hosts }, role: "pgkeep_auditor", database: "shop" });

describe("the command to audit with", () => {
  it("names the place that was resolved, whatever it came from", () => {
    expect(command({})).toBe("pgkeep audit -h db -p 5433 -d shop -U pgkeep_auditor");
  });

  it("keeps every flag about the line and the files of configuration", () => {
    const request = {
      host: "db",
      sslmode: "verify-full",
      sslrootcert: "/etc/our ca.pem",
      sslcert: "me.crt",
      sslkey: "me.key",
      requireAuth: "scram-sha-256",
      channelBinding: "require",
      config: "prod.yaml",
      env: "prod",
    };
    expect(command(request)).toBe(
      "pgkeep audit -h db -p 5433 -d shop -U pgkeep_auditor --sslmode verify-full --sslrootcert '/etc/our ca.pem' " +
        "--sslcert me.crt --sslkey me.key --require-auth scram-sha-256 --channel-binding require --config prod.yaml --env prod",
    );
  });

  it("takes the line from a connection string, without its login and password", () => {
    const connection =
      "postgresql://boss:p%40ss-canary@db:5433/shop?sslmode=verify-full&sslrootcert=ca.pem&options=-c%20x.token%3Dcanary";
    expect(command({ connection })).toBe(
      "pgkeep audit -h db -p 5433 -d shop -U pgkeep_auditor --sslmode verify-full --sslrootcert ca.pem",
    );
  });

  it("writes the string again where it says what no flag can say", () => {
    const connection =
      "service='the prod' user=boss password=canary-1 sslpassword=canary-2 sslmode=verify-ca application_name=x";
    expect(command({ connection, sslrootcert: "system" })).toBe(
      `pgkeep audit --connection 'service='\\''the prod'\\'' sslmode=verify-ca user=pgkeep_auditor' -d shop --sslrootcert system`,
    );
  });

  it("keeps all hosts of a string that names several", () => {
    const hosts = [
      { host: "a", port: 5432 },
      { host: "b", port: 5433 },
    ];
    expect(command({ connection: "postgresql://boss:canary@a:5432,b:5433/x?sslmode=require" }, hosts)).toBe(
      "pgkeep audit --connection 'host=a,b port=5432,5433 sslmode=require user=pgkeep_auditor' -d shop",
    );
  });
});
