/** The block `audit:` of pgkeep.yaml: what a run learns from it, and what is refused. */
import { describe, expect, it } from "vitest";
import { readAuditConfig } from "../../../../src/audit/facts/read-declarations.ts";
import { loadSettings } from "../../../../src/config/settings.ts";
import { failureOf, temporaryDirectory } from "../../../support/project.ts";

const WHOLE = `audit:
  profile: strict
  fail_on: medium
  waivers: accepted.yaml
  model: access/model.yaml
  versions: /srv/versions.json
  backup: pgBackRest to s3://bucket, restore tried 2026-10
  backup_directories: [dumps, /var/backups]
  log_shipping: journald to the log host
  separations:
    - [medical, marketing]
    - [shop.hr, crm]
  sensitive: ["*.*.email"]
  deploy_roles: [shop_migrator]
  extensions: [dblink]
  wide_networks: { ipv4: 20 }
  certificate_days: 45
  projects: [.]
`;

async function read(text: string, env?: string) {
  using project = temporaryDirectory({ "pgkeep.yaml": text });
  const { audit } = await loadSettings({ workingDirectory: project.path, environment: {}, env });
  return { config: readAuditConfig(audit), at: (path: string) => project.at(path) };
}

describe("the block audit of pgkeep.yaml", () => {
  it("tells profile, threshold and files, each path absolute from the file's own directory", async () => {
    const { config, at } = await read(WHOLE);
    expect(config).toMatchObject({
      profile: "strict",
      failOn: "medium",
      waivers: at("accepted.yaml"),
      model: at("access/model.yaml"),
      versions: "/srv/versions.json",
    });
    expect(config.declared.backupDirectories).toEqual([at("dumps"), "/var/backups"]);
    expect(config.declared.projects).toEqual([at("").replace(/\/$/, "")]);
  });

  it("tells what the operators know", async () => {
    const { config } = await read(WHOLE);
    expect(config.declared).toMatchObject({
      backup: "pgBackRest to s3://bucket, restore tried 2026-10",
      logShipping: "journald to the log host",
      separations: [
        ["medical", "marketing"],
        ["shop.hr", "crm"],
      ],
      sensitive: ["*.*.email"],
      deployRoles: ["shop_migrator"],
      extensions: ["dblink"],
      wideNetworks: { ipv4: 20, ipv6: undefined },
      certificateDays: 45,
    });
  });

  it("says nothing when there is none", async () => {
    for (const text of ["", "audit:\n", "audit:\n  separations:\n"]) {
      const { config } = await read(text);
      expect(Object.values({ ...config, declared: undefined }).every((value) => value === undefined)).toBe(true);
      expect(Object.values(config.declared).every((value) => value === undefined)).toBe(true);
    }
  });

  it("of a place replaces lists whole and leaves the other keys", async () => {
    const text = `${WHOLE}env:\n  production:\n    audit:\n      separations: [[a, b]]\n      profile: cis\n`;
    const { config } = await read(text, "production");
    expect(config.profile).toBe("cis");
    expect(config.declared.separations).toEqual([["a", "b"]]);
    expect(config.failOn).toBe("medium");
  });

  it.each([
    ["audit:\n  profil: strict\n", /unknown key "profil" in "audit"; did you mean "profile"/],
    ["audit:\n  profile: lax\n", /"audit.profile" must be one of: default, strict/],
    ["audit:\n  projects: app\n", /"audit.projects" must be a list/],
    ["audit:\n  projects:\n    - {a: b}\n", /"audit.projects" must list single values/],
    ["audit:\n  projects: [a, ]\n  extensions: [~]\n", /"audit.extensions" must list single values/],
    ["audit:\n  separations: [medical, marketing]\n", /must list pairs: \[one, other\]|has 2 problems/],
    ["audit:\n  separations: [[a, b, c]]\n", /must list pairs: \[one, other\]/],
    ["audit:\n  certificate_days: 0\n", /must be a whole number from 1 to 3650/],
    ["audit:\n  wide_networks: { ipv4: 33 }\n", /must be a whole number from 0 to 32/],
  ])("refuses %j with the place", async (text, message) => {
    const error = await failureOf(() => read(text));
    expect(error).toMatchObject({ code: "CONFIG_FILE_INVALID", exit: 10 });
    expect(error.message).toMatch(message);
  });
});
