/**
 * Who owns a pipeline: the advisory lock and the lease row of contract section 5.4, as statements.
 *
 * The lock ends with its session, so an owner that is gone hands over at once; the row ends by time, so an owner that
 * is frozen hands over too. The epoch in the row is what fences late writes.
 */
import type { Session } from "../../pg/session.ts";
import { keyValues, type PipelineKey } from "./pipeline-key.ts";

const TRY_LOCK = "select pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext($1), pg_catalog.hashtext($2))";
const ACQUIRE =
  "select acquired, epoch, held_by, expires_in_ms from tide.relay_lease_acquire($1, $2, $3, $4, $5, $6, $7, $8)";
const RENEW = "select tide.relay_lease_renew($1, $2, $3, $4, $5, $6, $7)";
const RELEASE = "select tide.relay_lease_release($1, $2, $3, $4, $5)";

export interface LeaseClaim {
  /** Random, of this process. */
  token: string;
  /** For people. */
  label: string;
  leaseMs: number;
  hasLock: boolean;
}

export type LeaseAnswer =
  | { acquired: true; epoch: bigint }
  | { acquired: false; heldBy: string | undefined; expiresInMs: number | undefined };

/** Whether this session holds the pipeline's lock now; it is given back with the session. Ask only without it. */
export async function tryLock(session: Session, key: PipelineKey): Promise<boolean> {
  const [row] = await session.rows(TRY_LOCK, lockValues(key));
  return row?.[0] === "t";
}

export async function acquireLease(session: Session, key: PipelineKey, claim: LeaseClaim): Promise<LeaseAnswer> {
  const values = [...keyValues(key), claim.token, claim.label, String(claim.leaseMs), String(claim.hasLock)];
  const [row] = await session.rows(ACQUIRE, values);
  const [acquired, epoch, heldBy, expiresInMs] = row ?? [];
  if (acquired === "t" && epoch) return { acquired: true, epoch: BigInt(epoch) };
  return {
    acquired: false,
    heldBy: heldBy ?? undefined,
    expiresInMs: expiresInMs == null ? undefined : Number(expiresInMs),
  };
}

/** False: the epoch is old, somebody else owns the pipeline. */
export async function renewLease(
  session: Session,
  key: PipelineKey,
  { epoch, leaseMs, hasLock }: { epoch: bigint; leaseMs: number; hasLock: boolean },
): Promise<boolean> {
  const [row] = await session.rows(RENEW, [...keyValues(key), String(epoch), String(leaseMs), String(hasLock)]);
  return row?.[0] === "t";
}

/** Gives the lease back, if it is still this epoch's. */
export async function releaseLease(session: Session, key: PipelineKey, epoch: bigint): Promise<void> {
  await session.rows(RELEASE, [...keyValues(key), String(epoch)]);
}

function lockValues({ group, tenant, direction, pipeline }: PipelineKey): [string, string] {
  return [group, `${tenant}:${direction}:${pipeline}`];
}
