/** HST-013: directories of programs, libraries and extensions that others can write to. */
import { join } from "node:path";
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { namesIn } from "../../facts/files.ts";
import type { HostFacts } from "../../facts/host.ts";
import { chmod, lookAtEach, modeText, WRITABLE_BY_OTHERS } from "./looking.ts";

/** The view is closed to all but superusers (14 to 18) unless somebody granted it, so it is asked and may refuse. */
const DIRECTORIES = `
  select c.setting as path, c.name
    from pg_catalog.pg_config as c
   where c.name in ('BINDIR', 'PKGLIBDIR', 'SHAREDIR')
   order by 1`;

/** 5,000 files of one directory: ten times what all contributed extensions bring. */
const MAX_FILES = 5_000;

export default defineCheck({
  id: "HST-013",
  title: "extension or library directory writable by non-root",
  severity: "high",
  why:
    "The server runs the programs and loads the libraries of these directories, and extensions run their scripts with high " +
    "rights. Who can replace a file there has the server.",
  remedy: "Give the installation to root with mode 0755, files 0644, and install through the package manager.",
  limits: "An installation that belongs to an account of its own is less grave than one that others can write to.",
  references: { cis: ["2.2"], manual: ["pg_config"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off", dev: "low" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  const rows = await facts.query(DIRECTORIES).catch((error: unknown) => {
    if (!(error instanceof Unanswered) || facts.has("superuser")) throw error;
    throw new Unanswered(error.message, "superuser");
  });
  const paths = rows.map(({ path, name }) => (name === "SHAREDIR" ? join(path ?? "", "extension") : (path ?? "")));
  return await lookAtEach(new Set(paths), (path) => judge(path, host));
}

async function judge(path: string, host: HostFacts): Promise<Found[]> {
  const status = await host.status(path);
  if (status === undefined) throw new Unanswered(`${path} is not on this machine`);
  if ((status.mode & WRITABLE_BY_OTHERS) !== 0) {
    return [{ object: path, detail: `${modeText(status)}: others can write to it`, fix: chmod("0755", path) }];
  }
  if (status.uid !== 0) {
    const detail = `belongs to account ${host.accountName(status.uid)}`;
    const text = "Give the installation to root, so that the account cannot change its own programs.";
    return [{ object: path, detail, severity: "medium", fix: { kind: "words", text } }];
  }
  return await judgeFiles(path, host);
}

async function judgeFiles(path: string, host: HostFacts): Promise<Found[]> {
  const names = namesIn(path) ?? [];
  if (names.length > MAX_FILES) throw new Unanswered(`${path} holds more than ${MAX_FILES} files`);
  const open: string[] = [];
  for (const name of names) {
    const status = await host.status(join(path, name));
    if (status !== undefined && ((status.mode & WRITABLE_BY_OTHERS) !== 0 || status.uid !== 0)) open.push(name);
  }
  if (open.length === 0) return [];
  const others = open.length === 1 ? "" : ` and ${open.length - 1} more`;
  const text = "Give the files to root with mode 0644, or 0755 for programs.";
  return [{ object: path, detail: `others can change ${open[0]}${others}`, fix: { kind: "words", text } }];
}
