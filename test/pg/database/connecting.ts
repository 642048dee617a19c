/** Sessions on a test cluster by database name, as the code under test wants them. */
import { Secret } from "../../../src/base/secrets.ts";
import type { Session } from "../../../src/pg/session.ts";
import type { TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";

export interface Login {
  user: string;
  password: string;
}

/** Opens sessions on `cluster`, as its superuser or as `login`. */
export function connector(cluster: TestCluster, login?: Login): (database: string) => Promise<Session> {
  const as = login && { user: login.user, password: async () => new Secret(login.password) };
  return (database) => connectTo(cluster, { database, applicationName: "pgkeep", ...as });
}
