/** PostgreSQL servers with the certificates and TLS settings that a test wants to be found wrong, or right. */
import { chmodSync, chownSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Issued } from "../certificates.ts";
import { type ClusterOptions, startCluster, type TestCluster } from "../cluster.ts";

export interface TlsServer extends AsyncDisposable {
  cluster: TestCluster;
  /** Shows `issued` from now on, followed by `above` (PEM), or what else the server makes of it. */
  serve(issued: Issued, above?: string): Promise<void>;
}

/** A server with TLS on. */
export async function startTlsServer(options: Omit<ClusterOptions, "tls"> = {}): Promise<TlsServer> {
  const cluster = await startCluster({ ...options, tls: true });
  const serve = async ({ certificate, key }: Issued, above = ""): Promise<void> => {
    writeOwned(cluster, "server.crt", `${certificate}\n${above}`);
    writeOwned(cluster, "server.key", key);
    await cluster.reload();
  };
  return { cluster, serve, [Symbol.asyncDispose]: () => cluster.stop() };
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
