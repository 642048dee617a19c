/** Replication connections as a standby makes them, held open and idle. */
import pg from "pg";
import type { TestCluster } from "./cluster.ts";

/** A walsender of `user`; it ends with the `await using` that holds it. */
export async function replicationConnection(
  cluster: TestCluster,
  { user = "postgres", password = cluster.password }: { user?: string; password?: string } = {},
): Promise<AsyncDisposable> {
  const settings = {
    host: cluster.host,
    port: cluster.port,
    user,
    password,
    database: "postgres",
    replication: "true",
  };
  // The driver passes it on in the startup message; its types do not know it.
  const client = new pg.Client(settings as pg.ClientConfig);
  client.on("error", () => {});
  await client.connect();
  return { [Symbol.asyncDispose]: () => client.end() };
}
