/** An audit of files refuses what it would have to pass over in silence, and blames nothing on rights. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { z } from "zod";
import audit from "../../../../src/operations/audit.run.ts";
import { connectionFields } from "../../../../src/pg/connect/input.ts";
import { runOperation } from "../../../support/operation.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pgkeep-offline-"));
  writeFileSync(join(folder, "pg_hba.conf"), "host all all 0.0.0.0/0 trust\n");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const SWITCHES = new Set(["azure", "aws", "google", "embedded"]);

const offline = (input: object) => runOperation(audit, { ...input }, { workingDirectory: folder });

it.each([
  [{ hba: "." }, "--hba names a directory"],
  [{ conf: "." }, "--conf names a directory"],
  [{ hba: "pg_hba.conf", serverVersion: "99x" }, "--server-version is no version that pgkeep knows"],
  [{ hba: "pg_hba.conf", serverVersion: "13" }, "--server-version is no version that pgkeep knows"],
  [{ hba: "pg_hba.conf", probe: true }, "--probe needs a server"],
  [{ hba: "pg_hba.conf", onHost: true }, "--on-host needs a server"],
  [{ hba: "pg_hba.conf", model: "access.yaml" }, "--model needs a server"],
  [{ hba: "pg_hba.conf", thisDatabase: true }, "--this-database needs a server"],
  [{ hba: "pg_hba.conf", host: "db", port: 5432, database: "shop" }, "--host, --port, --database need a server"],
  [{ conf: "pg_hba.conf", connection: "postgresql://db/shop" }, "--connection needs a server"],
  [{ ident: "pg_hba.conf", sslmode: "require", embedded: true }, "--sslmode, --embedded need a server"],
])("refuses %o", async (input, message) => {
  await expect(offline(input)).rejects.toMatchObject({ code: "USAGE_ARGUMENTS", message });
});

it("knows every flag of a connection as one that it would have to pass over", async () => {
  const fields = Object.keys(connectionFields(z));
  expect(fields.length).toBeGreaterThan(15);
  for (const field of fields) {
    const value = field === "port" ? 5432 : SWITCHES.has(field) || "x";
    await expect(offline({ hba: "pg_hba.conf", [field]: value })).rejects.toMatchObject({
      code: "USAGE_ARGUMENTS",
      message: `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} needs a server`,
    });
  }
});

it("does not mind what the environment says about a server", async () => {
  const environment = { PGHOST: "db", DATABASE_URL: "postgresql://db/shop" };
  const { output } = await runOperation(audit, { hba: "pg_hba.conf" }, { workingDirectory: folder, environment });
  expect(output.target).toBeNull();
});

it("finds what the file has, and offers no grants, probes or hosts", async () => {
  const { output } = await offline({ hba: "pg_hba.conf", serverVersion: "16.4" });
  expect(output.findings.map(({ check }) => check)).toContain("NET-001");
  expect(output.unknowns.filter(({ right }) => right !== null)).toEqual([]);
  expect(output.notes).toEqual(["files alone were judged; what only a server can tell was not asked"]);
});

it("keeps a file that cannot be read an unknown", async () => {
  const { output } = await offline({ hba: "absent.conf", only: ["NET-001"] });
  expect(output.unknowns.map(({ check }) => check)).toEqual(["NET-001"]);
});
