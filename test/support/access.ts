/** Access models for tests: a file in a directory of its own, and operations run on it. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import type { Operation, OperationContext } from "../../src/base/operation.ts";
import type { TestCluster } from "./cluster.ts";
import { runOperation } from "./operation.ts";

export interface ModelFolder extends Disposable {
  path: string;
  /** Writes access.yaml. */
  write(model: string): void;
  /** Runs an operation in this folder. The environment holds nothing but `environment` and a home in the folder. */
  run<Input extends z.ZodObject, Output extends z.ZodType>(
    operation: Operation<Input, Output>,
    input: z.input<Input>,
    context?: Partial<OperationContext>,
  ): ReturnType<typeof runOperation<Input, Output>>;
}

export function modelFolder(model = ""): ModelFolder {
  const path = mkdtempSync(join(tmpdir(), "pgkeep-model-"));
  const write = (text: string): void => writeFileSync(join(path, "access.yaml"), text, { mode: 0o644 });
  write(model);
  return {
    path,
    write,
    run: (operation, input, { environment, ...context } = {}) =>
      runOperation(operation, input, {
        workingDirectory: path,
        environment: { HOME: join(path, "home"), ...environment },
        ...context,
      }),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A new database with schema app and `count` empty tables in it. */
export async function shopDatabase(cluster: TestCluster, count: number): Promise<string> {
  const name = await cluster.createDatabase();
  await cluster.sql(
    `create schema app; do $$ begin for i in 1..${count} loop execute format('create table app.t%s (id int)', i); end loop; end $$`,
    { database: name },
  );
  return name;
}

/** A login with a password in ${env:WEB_PASSWORD}, and grants on every table to roles app_rw and app_r. */
export const shopModel = (database: string): string => `
version: 1
database: ${database}
roles:
  app_rw: { login: false }
  app_r: { login: false }
  web_${database}: { login: true, password: "\${env:WEB_PASSWORD}", member_of: [app_rw] }
schemas:
  app:
    grants:
      - { to: app_rw, usage: true, tables: [select, insert, update, delete] }
      - { to: app_r, usage: true, tables: [select] }
`;
