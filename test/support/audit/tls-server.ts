/** PostgreSQL servers with the certificates and TLS settings that a test wants to be found wrong, or right. */
import { chmodSync, chownSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Issued } from "../certificates.ts";
import { type ClusterOptions, startCluster, type TestCluster } from "../cluster.ts";

export interface TlsServer extends AsyncDisposable {
  cluster: TestCluster;
  /** Shows `issued` from now on, followed by `above` (PEM), or what else the server makes of it. */
  serve(issued: Issued, above?: string): Promise<void>;
  /** Makes the server read its files again. */
  reload(): Promise<void>;
}

/** A server with TLS on. */
export async function startTlsServer(options: Omit<ClusterOptions, "tls"> = {}): Promise<TlsServer> {
  const cluster = await startCluster({ ...options, tls: true });
  const reload = async (): Promise<void> => {
    const [before] = await cluster.sql("select pg_conf_load_time()::text as t, pg_reload_conf()");
    while ((await cluster.sql("select pg_conf_load_time()::text as t"))[0].t === before.t) await pause(10);
    // The postmaster signals first and reads its certificate afterwards.
    await pause(50);
  };
  const serve = async ({ certificate, key }: Issued, above = ""): Promise<void> => {
    writeOwned(cluster, "server.crt", `${certificate}\n${above}`);
    writeOwned(cluster, "server.key", key);
    await reload();
  };
  return { cluster, serve, reload, [Symbol.asyncDispose]: () => cluster.stop() };
}

/** A file in the data directory, of the server's account and private to it. */
export function writeOwned({ dataDir }: TestCluster, name: string, text: string): string {
  const { uid, gid } = statSync(dataDir);
  const path = join(dataDir, name);
  writeFileSync(path, text);
  chmodSync(path, 0o600);
  chownSync(path, uid, gid);
  return path;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
