/** HST-001: configuration files that others can change, or read where they should not. */
import { dirname } from "node:path";
import { defineCheck, type Found } from "../../check.ts";
import { configurationFiles } from "../../facts/configuration-files.ts";
import type { Facts } from "../../facts/facts.ts";
import type { FileStatus, HostFacts } from "../../facts/host.ts";
import { chmod, lookAtEach, modeText, READABLE_BY_EVERYBODY, WRITABLE_BY_OTHERS } from "./looking.ts";

const STICKY = 0o1000;

export default defineCheck({
  id: "HST-001",
  title: "configuration files open to other accounts",
  severity: "high",
  why:
    "Who can write to pg_hba.conf lets himself in without a password, and a line of postgresql.conf runs a program as the " +
    "server. Who can read pg_hba.conf and pg_ident.conf learns which names and addresses need no password.",
  remedy:
    "Give the files to the server's account or root, with mode 0600 or 0640, in a directory that nobody else can write to.",
  limits:
    "postgresql.conf may be readable by everybody, as Debian installs it. Included files count like the main ones.",
  references: { cis: ["2.3", "2.7"], other: ["pgdsat 2.5"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  const settings = await facts.settings();
  const files = configurationFiles({
    main: settings.value("config_file"),
    hba: settings.value("hba_file"),
    ident: settings.value("ident_file"),
    dataDirectory: settings.value("data_directory"),
  });
  const directories = new Set(files.map(({ path }) => dirname(path)));
  const looks = [
    () => lookAtEach(files, ({ path, isPrivate }) => judgeFile(path, isPrivate, host)),
    () => lookAtEach(directories, (path) => judgeDirectory(path, host)),
  ];
  return await lookAtEach(looks, (look) => look());
}

async function judgeFile(path: string, isPrivate: boolean, host: HostFacts): Promise<Found[]> {
  const status = await host.status(path);
  return status === undefined ? [] : judge(status, isPrivate, host);
}

function judge(status: FileStatus, isPrivate: boolean, host: HostFacts): Found[] {
  const { path, mode, uid } = status;
  const { serverUid } = host;
  const place = { file: path, line: 1 };
  const about = (detail: string): Found => ({ object: path, detail, place, fix: chmod("0640", path) });
  if ((mode & WRITABLE_BY_OTHERS) !== 0) return [about(`${modeText(status)}: others can change it`)];
  if (serverUid !== undefined && uid !== serverUid && uid !== 0) {
    return [{ object: path, detail: `belongs to account ${host.accountName(uid)}`, place, fix: giveBack(path) }];
  }
  if (isPrivate && (mode & READABLE_BY_EVERYBODY) !== 0) {
    return [{ ...about(`${modeText(status)}: everybody can read it`), severity: "medium" }];
  }
  return [];
}

/** In a directory with the sticky bit nobody replaces the files of others. */
async function judgeDirectory(path: string, host: HostFacts): Promise<Found[]> {
  const status = await host.status(path);
  if (status === undefined || (status.mode & WRITABLE_BY_OTHERS) === 0 || (status.mode & STICKY) !== 0) return [];
  return [
    { object: path, detail: `${modeText(status)}: others can replace the files in it`, fix: chmod("go-w", path) },
  ];
}

function giveBack(path: string): Found["fix"] {
  return { kind: "words", text: `Give ${path} to the server's account or to root.` };
}
