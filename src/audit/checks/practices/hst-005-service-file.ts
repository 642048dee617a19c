/** HST-005: passwords in connection service files. */
import { join } from "node:path";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { tailOf } from "../../facts/files.ts";
import type { HostFacts } from "../../facts/host.ts";
import { lookAtEach } from "./looking.ts";

/** 1 MiB: a service is a few lines. */
const MAX_BYTES = 1024 * 1024;

/** Where distributions put the one for everybody, below /etc. */
const SYSTEM_FILES = ["pg_service.conf", "postgresql-common/pg_service.conf", "sysconfig/pgsql/pg_service.conf"];

const PASSWORD = /^[ \t]*(?:ssl)?password[ \t]*=[ \t]*\S/i;
const SECTION = /^[ \t]*\[([^\]]*)\]/;

export default defineCheck({
  id: "HST-005",
  title: "password in a service file",
  severity: "medium",
  why:
    "libpq takes a service file whatever its mode is, and the one of the system is meant to be read by everybody. A password " +
    "in it belongs to all of them.",
  remedy: "Take the line out, put the password into a passfile of the account that needs it, and change it.",
  limits: "Files that PGSERVICEFILE and PGSYSCONFDIR name elsewhere are not known.",
  references: { cis: ["2.4"], manual: ["The Connection Service File"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  return await lookAtEach(filesOf(host), passwordsIn);
}

function filesOf(host: HostFacts): string[] {
  const homes = host.accounts().map(({ home }) => join(home, ".pg_service.conf"));
  return [...SYSTEM_FILES.map((name) => join(host.etc, name)), ...homes];
}

function passwordsIn(path: string): Found[] {
  const found: Found[] = [];
  let section = "";
  for (const [index, line] of (tailOf(path, MAX_BYTES)?.text ?? "").split("\n").entries()) {
    section = SECTION.exec(line)?.[1] ?? section;
    if (PASSWORD.test(line)) found.push(inService(path, section, index + 1));
  }
  return found;
}

function inService(path: string, service: string, line: number): Found {
  return {
    object: `${path} [${service}]`,
    detail: `a password on line ${line}`,
    place: { file: path, line },
    fix: { kind: "words", text: "Put it into a passfile with mode 0600, take the line out, and change the password." },
  };
}
