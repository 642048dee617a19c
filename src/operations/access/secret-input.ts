/** What operations that know passwords have in common: where secrets are read from, and the memory of what was set. */
import { resolve } from "node:path";
import { type Fingerprints, fingerprintFile, readFingerprints } from "../../access/apply/fingerprints.ts";
import { messageOf } from "../../base/errors.ts";
import type { OperationContext, ZodNamespace } from "../../base/operation.ts";
import type { Secret } from "../../base/secrets.ts";
import { DEFAULT_SECRET_ROOTS } from "../../config/references.ts";
import type { Session } from "../../pg/session.ts";
import type { Server } from "../server/connect.ts";

/** Where references to secrets may lead; for operations that resolve some. */
export function secretRootField(z: ZodNamespace) {
  return {
    secretRoot: z
      .array(z.string())
      .optional()
      .meta({
        description: `Directory that references may read files below; default ${DEFAULT_SECRET_ROOTS.join(" and ")}`,
        valueName: "DIR",
        group: "safety",
      }),
  };
}

export function secretFields(z: ZodNamespace) {
  return {
    ...secretRootField(z),
    stateFile: z.string().optional().meta({
      description: "Where fingerprints of passwords that were set are kept; default below ~/.local/state",
      valueName: "FILE",
      group: "safety",
    }),
  };
}

/** The fingerprints kept for this server; undefined where there is no place for them. */
export async function memoryOf(
  { connection }: Server,
  { stateFile }: { stateFile?: string | undefined },
  { workingDirectory, environment, report }: OperationContext,
): Promise<Fingerprints | undefined> {
  const path = stateFile ? resolve(workingDirectory, stateFile) : fingerprintFile(environment);
  const [address] = connection.settings.hosts;
  if (path === undefined || address === undefined) return undefined;
  const warn = (message: string): void => report({ type: "warning", message });
  return await readFingerprints(path, `${address.host}:${address.port}`, warn);
}

/** Writes what was set. That it could not be written is a warning: the server has the passwords. */
export function saveMemory(memory: Fingerprints, warn: (message: string) => void): void {
  try {
    memory.save();
  } catch (error) {
    warn(`${messageOf(error)}; the next run will not know these passwords where the server does not show them`);
  }
}

interface JustSet {
  session: Session;
  role: string;
  secret: Secret;
  warn: (message: string) => void;
}

export async function rememberPassword(
  memory: Fingerprints | undefined,
  { session, role, secret, warn }: JustSet,
): Promise<void> {
  if (!memory) return;
  const [row] = await session.query("select oid::text as oid from pg_catalog.pg_roles where rolname = $1", [role]);
  if (!row?.oid) return;
  memory.set({ oid: Number(row.oid) }, secret);
  saveMemory(memory, warn);
}
