/**
 * Whether a connection reached an embedded server of ours, however it was asked for: as with `--embedded`, or by the
 * string that `pgkeep db url` prints.
 *
 * A path proves nothing, because anybody can make a directory of that name. So the directory must be ours alone, its
 * data directory must have a running server whose process we know, and the connection must have gone to that server's
 * own socket directory or port.
 */
import { basename, dirname } from "node:path";
import { refuseUnsafeDirectory } from "./guarded-files.ts";
import { placeOf } from "./place.ts";
import { findServer, SUPERUSER } from "./running-server.ts";

export interface ReachedServer {
  /** What was connected to: a socket directory or an address. */
  host: string;
  port: number;
  user: string;
}

/** `directories`: where an embedded server may belong to; the one that a socket's path names is looked at as well. */
export async function isEmbeddedServer(reached: ReachedServer, directories: readonly string[]): Promise<boolean> {
  if (reached.user !== SUPERUSER) return false;
  const candidates = new Set([...ownersOfSocket(reached.host), ...directories]);
  for (const directory of candidates) {
    if (await runsFor(directory, reached)) return true;
  }
  return false;
}

/** "/a/.pgkeep/run" belongs to "/a". */
function ownersOfSocket(host: string): string[] {
  const state = dirname(host);
  return host.startsWith("/") && basename(state) === ".pgkeep" ? [dirname(state)] : [];
}

async function runsFor(directory: string, { host, port }: ReachedServer): Promise<boolean> {
  try {
    const place = await placeOf(directory);
    await refuseUnsafeDirectory(place.stateDirectory);
    const found = await findServer(place);
    return (
      found !== undefined && found.port === port && (found.loopback ? host === "127.0.0.1" : host === found.socketDir)
    );
  } catch {
    // No such directory, or not ours alone.
    return false;
  }
}
