/** Where the server writes its log on this machine. */
import { readlinkSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { Unanswered } from "../answers.ts";
import type { Facts } from "./facts.ts";
import { namesIn, ownStatusOf, statusOf } from "./files.ts";

export interface ServerLogs {
  /** The directory, or the one file. */
  place: string;
  /** Newest first. */
  files: readonly string[];
}

/** Log files that the server has written. Throws Unanswered where they go elsewhere or may not be looked at. */
export async function serverLogs(facts: Facts): Promise<ServerLogs> {
  const settings = await facts.settings();
  if (!settings.isOn("logging_collector")) return inheritedLog((await facts.host()).serverPid);
  const directory = settings.value("log_directory");
  const place = isAbsolute(directory) ? directory : join(settings.value("data_directory"), directory);
  const names = namesIn(place);
  if (names === undefined) throw new Unanswered(`${place} is not on this machine`);
  const files = names.map((name) => ownStatusOf(join(place, name))).filter((status) => status?.kind === "file");
  const newest = files.sort((a, b) => (b?.changed.getTime() ?? 0) - (a?.changed.getTime() ?? 0));
  return { place, files: newest.flatMap((status) => status?.path ?? []) };
}

/** Without a collector the log is wherever the standard error of the postmaster was pointed at its start. */
function inheritedLog(pid: number | undefined): ServerLogs {
  if (pid === undefined) throw new Unanswered("the server's process was not found, so neither was its log");
  const path = targetOf(`/proc/${pid}/fd/2`);
  if (!path.startsWith("/") || statusOf(path)?.kind !== "file") {
    throw new Unanswered("the server's log goes to no file: a journal, syslog or a terminal");
  }
  return { place: path, files: [path] };
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    throw new Unanswered("where the server's log goes may only be looked at by root and the server's account", "host");
  }
}
