/** TLS-034: the server still shows another certificate than the one in its file. */
import { X509Certificate } from "node:crypto";
import { realpathSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import { headOf } from "../../facts/files.ts";
import { dayOf, endOf, nameOf, servedCertificates } from "./certificates.ts";

/** 256 KiB: a file with a whole chain has 10. */
const MAX_FILE_BYTES = 262_144;

export default defineCheck({
  id: "TLS-034",
  title: "the server shows another certificate than its file holds",
  severity: "low",
  why:
    "The file was renewed and the server was not told, or the new one could not be loaded. The old certificate goes on until " +
    "it ends, and then everything stops although somebody renewed in time.",
  remedy: "Reload the server, and look into its log when the certificate does not change.",
  limits: "Looked at on the server's own machine alone. A proxy that shows its own certificate looks the same.",
  references: { manual: ["Secure TCP/IP Connections with SSL"] },
  scope: "cluster",
  needs: ["host"],
  examine: async (facts): Promise<Found[]> => {
    const [own] = await servedCertificates(facts);
    const settings = await facts.settings();
    const file = settings.get("ssl_cert_file");
    const path = isAbsolute(file.value) ? file.value : join(settings.value("data_directory"), file.value);
    const stored = certificateIn(path);
    if (stored.fingerprint256 === own.fingerprint256) return [];
    const detail = `shown: ends ${dayOf(endOf(own))}; in ${path}: ${nameOf(stored)}, ends ${dayOf(endOf(stored))}`;
    return [{ object: nameOf(own), detail, place: file.place, fix: RELOAD }];
  },
});

/** The first certificate of the file, which is the server's own. Certificates are public; nothing else is kept of it. */
function certificateIn(path: string): X509Certificate {
  const bytes = headOf(realPathOf(path), MAX_FILE_BYTES);
  try {
    if (bytes !== undefined) return new X509Certificate(bytes);
  } catch {
    throw new Unanswered("ssl_cert_file holds no certificate");
  }
  throw new Unanswered("ssl_cert_file is not there");
}

/** Certificates are often links that the renewal moves; who sets them is who sets the setting. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw new Unanswered("ssl_cert_file may not be looked at", "host");
  }
}

const RELOAD: Found["fix"] = { kind: "sql", sql: ["select pg_catalog.pg_reload_conf()"], risk: "low" };
