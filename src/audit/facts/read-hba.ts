/**
 * Reads pg_hba.conf and pg_ident.conf of a live server: the files when they can be read, else the server's views.
 *
 * Files are read through the server, by a superuser, because the paths are the server's. The view is asked as well: it
 * knows what this server refuses, and it must tell the same rules.
 */
import { literal } from "../../pg/identifiers.ts";
import type { TextRow } from "../../pg/session.ts";
import { Unanswered } from "../answers.ts";
import { type ConfRefusal, type ConfSource, MAX_FILE_BYTES, MAX_LINES, readConfLines } from "../hba/conf-files.ts";
import type { HbaFacts, HbaProblem, HbaRule } from "../hba/hba.ts";
import type { IdentFacts } from "../hba/ident.ts";
import { parseEntries } from "../hba/ident-entries.ts";
import { parseRules, sorted } from "../hba/rules.ts";
import {
  entriesOfView,
  entriesQuery,
  reconciled,
  reconciledIdent,
  rulesOfView,
  rulesQuery,
} from "../hba/server-view.ts";
import type { Facts } from "./facts.ts";

/** The rules of the server. Throws Unanswered without the right "hba". */
export async function readHba(facts: Facts): Promise<HbaFacts> {
  facts.require("hba");
  const { major } = facts.server();
  const { path, loadedAt } = await placeOf(facts, "hba_file");
  const rows = await facts.query(rulesQuery(major, MAX_LINES));
  if (rows.length > MAX_LINES) throw new Unanswered(`pg_hba.conf has more than ${MAX_LINES} rules`);
  const ofView = rulesOfView(rows, { mainFile: path ?? "pg_hba.conf", major });
  const files = new ServerFiles(facts);
  const ofFile = await itemsOf(facts, files, path);
  const exact = ofFile === undefined ? undefined : reconciled(ofFile, ofView);
  if (exact === undefined) return { ...sorted(ofView), isExact: false, changedAt: files.changedAt, loadedAt };
  return { ...exact, isExact: true, changedAt: files.changedAt, loadedAt };
}

/** The maps of the server. Before 15 there is no view, and only a superuser can know them. */
export async function readIdent(facts: Facts): Promise<IdentFacts> {
  const { major } = facts.server();
  facts.require(major < 15 ? "superuser" : "ident");
  const { path } = await placeOf(facts, "ident_file");
  const files = new ServerFiles(facts);
  if (major < 15) {
    if (path === undefined) throw new Unanswered("the server has no pg_ident.conf that can be read");
    return parseEntries(await readConfLines(path, files, major), major);
  }
  const rows = await facts.query(entriesQuery(major, MAX_LINES));
  if (rows.length > MAX_LINES) throw new Unanswered(`pg_ident.conf has more than ${MAX_LINES} lines`);
  const ofView = entriesOfView(rows, { mainFile: path ?? "pg_ident.conf", major });
  const lines = path === undefined ? undefined : await linesOf(facts, files, path);
  return lines === undefined ? ofView : reconciledIdent(parseEntries(lines, major), ofView);
}

async function itemsOf(facts: Facts, files: ServerFiles, path: string | undefined) {
  const lines = path === undefined ? undefined : await linesOf(facts, files, path);
  const items: readonly (HbaRule | HbaProblem)[] | undefined = lines && parseRules(lines, facts.server().major);
  return items;
}

/** The lines of the file; undefined when this role cannot read it, or the file is beyond our limits. */
async function linesOf(facts: Facts, files: ServerFiles, path: string) {
  if (!facts.has("superuser")) return undefined;
  try {
    return await readConfLines(path, files, facts.server().major);
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
}

/** Where a file is, as far as this role may know, and when the server loaded its configuration. */
async function placeOf(facts: Facts, setting: "hba_file" | "ident_file") {
  // current_setting refuses a role that may not see the value; pg_settings has no row for it.
  const [row] = await facts.query(`
  select (select s.setting from pg_catalog.pg_settings as s where s.name = ${literal(setting)}) as path,
         extract(epoch from pg_catalog.pg_conf_load_time()) as loaded`);
  return { path: row?.path || undefined, loadedAt: momentOf(row?.loaded) };
}

function momentOf(seconds: string | null | undefined): Date | undefined {
  return seconds ? new Date(Number(seconds) * 1000) : undefined;
}

/** Files of the server's machine, as a superuser reads them. What has no size, a device, is not opened. */
class ServerFiles implements ConfSource {
  readonly #facts: Facts;
  /** The newest of the files that were read. */
  changedAt: Date | undefined;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  async read(path: string): Promise<Buffer | ConfRefusal> {
    const [row] = await this.#facts.query(`
  select s.isdir as directory,
         extract(epoch from s.modification) as changed,
         case when s.isdir or s.size = 0 then ''
              else pg_catalog.encode(pg_catalog.pg_read_binary_file(${literal(path)}, 0, ${MAX_FILE_BYTES + 1}, true), 'base64')
         end as content
    from pg_catalog.pg_stat_file(${literal(path)}, true) as s`);
    return this.#answerOf(row);
  }

  #answerOf(row: TextRow | undefined): Buffer | ConfRefusal {
    if (row?.content === null || row?.content === undefined) {
      return { isMissing: true, reason: "No such file or directory" };
    }
    // A directory opens and reads as nothing, for the server too.
    const changed = momentOf(row.changed);
    if (changed && (this.changedAt === undefined || changed > this.changedAt)) this.changedAt = changed;
    return Buffer.from(row.content, "base64");
  }

  async list(path: string): Promise<readonly string[] | ConfRefusal> {
    const rows = await this.#facts.query(`
  select f.name
    from pg_catalog.pg_ls_dir(${literal(path)}, true, false) as f(name)
   where not (pg_catalog.pg_stat_file(${literal(path)} || '/' || f.name, true)).isdir
   order by 1
   limit ${MAX_LINES}`);
    return rows.map(({ name }) => name ?? "");
  }
}
