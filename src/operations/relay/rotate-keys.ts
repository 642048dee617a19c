/**
 * Seals what waits in an outbox under a new key, so that the old one can be put away.
 *
 * In batches, each its own transaction; an interrupted run has done what it has done, and the next goes on. A relay
 * meanwhile opens either form, as long as its pipelines know both keys. Keys come from files and leave this process
 * in no form.
 */
import { resolve } from "node:path";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { FileRefusal, readRegularFile } from "../../config/regular-file.ts";
import type { Session } from "../../pg/session.ts";
import { EncryptionFailure, type KeyRing, readKey, reseal } from "../../relay/encryption/envelope.ts";
import {
  hasOutbox,
  readSealed,
  replaceSealed,
  type Sealed,
  type SealedPlace,
} from "../../relay/store/sealed-payloads.ts";

/** A key has 64 digits; a file of more than this is another one. */
const MAX_KEY_BYTES = 1_024;
const OTHERS_WRITE = 0o022;

export interface RotateRequest {
  outbox?: string | undefined;
  keyFile?: string | undefined;
  previousKeyFile?: readonly string[] | undefined;
  batchSize: number;
  maxBatches?: number | undefined;
  dryRun?: boolean | undefined;
}

export interface Rotation {
  /** How envelopes name the new key. */
  key_id: string;
  /** Events and dead letters sealed anew, or with a dry run those that would be. */
  events: number;
  dead_letters: number;
  /** Payloads that none of the keys opens; they are as they were. */
  unreadable: number;
  /** Whether nothing is left under an older key, unreadable ones left aside. */
  complete: boolean;
}

/** The keys that a rotation works with. Throws CONFIG_VALUE_INVALID; never repeats what a file holds. */
export async function keysOf(
  { keyFile, previousKeyFile = [] }: RotateRequest,
  context: OperationContext,
): Promise<KeyRing> {
  if (keyFile === undefined || previousKeyFile.length === 0) {
    throw new PgkeepError("CONFIG_VALUE_INVALID", "a rotation needs the new key and the one before it", {
      hint: "Name their files: --key-file NEW --previous-key-file OLD",
      state: "nothing was changed",
    });
  }
  const current = await keyOf(keyFile, "--key-file", context);
  const previous = [];
  for (const file of previousKeyFile) previous.push(await keyOf(file, "--previous-key-file", context));
  return [current, ...previous];
}

async function keyOf(file: string, flag: string, { workingDirectory, signal }: OperationContext) {
  try {
    const inspect = ({ mode }: { mode: number }) => {
      if (process.platform !== "win32" && (mode & OTHERS_WRITE) !== 0) {
        throw new FileRefusal("can be written by other users");
      }
    };
    // Secrets of containers are links.
    const options = { maxBytes: MAX_KEY_BYTES, followLink: true, inspect };
    const bytes = await readRegularFile(resolve(workingDirectory, file), options, signal);
    return readKey(bytes.toString("latin1"));
  } catch (error) {
    if (!(error instanceof FileRefusal || error instanceof EncryptionFailure)) throw error;
    const what = error instanceof FileRefusal ? error.message : "does not hold 64 hexadecimal digits";
    throw new PgkeepError("CONFIG_VALUE_INVALID", `the file of ${flag} ${what}`, {
      hint: "A key file holds 64 hexadecimal digits and only its owner may write it.",
      state: "nothing was changed",
    });
  }
}

interface RotationParts<Request extends RotateRequest = RotateRequest> {
  keys: KeyRing;
  request: Request;
  context: OperationContext;
}

/** Seals everything of `outbox` anew that is under an older key. Throws RELAY_OUTBOX_UNKNOWN and the session's errors. */
export async function rotateKeys(session: Session, parts: RotationParts): Promise<Rotation> {
  const { keys, request, context } = parts;
  const { outbox = "" } = request;
  if (!(await hasOutbox(session, outbox))) {
    throw new PgkeepError("RELAY_OUTBOX_UNKNOWN", `there is no outbox "${outbox}"`, {
      hint: "Name one that exists: --outbox NAME",
      state: "nothing was changed",
    });
  }
  const run = new RotationRun(session, { keys, request: { ...request, outbox }, context });
  // New events are under the new key, or publishers have not got it yet: letters last, as events may become some.
  const events = await run.rotate("events");
  const letters = await run.rotate("dead_letters");
  return {
    key_id: keys[0].id,
    events,
    dead_letters: letters,
    unreadable: run.unreadable,
    complete: !run.isCut && request.dryRun !== true,
  };
}

class RotationRun {
  readonly #session: Session;
  readonly #keys: KeyRing;
  readonly #request: RotateRequest & { outbox: string };
  readonly #context: OperationContext;
  #batches = 0;
  unreadable = 0;
  isCut = false;

  constructor(session: Session, { keys, request, context }: RotationParts<RotateRequest & { outbox: string }>) {
    this.#session = session;
    this.#keys = keys;
    this.#request = request;
    this.#context = context;
  }

  async rotate(place: SealedPlace): Promise<number> {
    const { outbox, batchSize: limit, maxBatches = Number.POSITIVE_INFINITY, dryRun = false } = this.#request;
    const keyId = this.#keys[0].id;
    let after = "0";
    let rotated = 0;
    for (;;) {
      this.#context.signal.throwIfAborted();
      const sealed = await readSealed(this.#session, place, { outbox, keyId, after, limit });
      if (sealed.length === 0) return rotated;
      if (this.#batches >= maxBatches) {
        this.isCut = true;
        return rotated;
      }
      this.#batches += 1;
      const changes = sealed.flatMap((one) => this.#changed(one, outbox));
      rotated += dryRun ? changes.length : await replaceSealed(this.#session, place, { outbox, changes });
      after = sealed.at(-1)?.id ?? after;
      this.#context.report({ type: "relay.keys_rotated", outbox, place, rotated, unreadable: this.unreadable });
    }
  }

  #changed({ id, payload }: Sealed, outbox: string): { id: string; before: string; payload: string }[] {
    try {
      const changed = reseal(payload, outbox, this.#keys);
      return changed === undefined ? [] : [{ id, before: payload, payload: changed }];
    } catch (error) {
      if (!(error instanceof EncryptionFailure)) throw error;
      this.unreadable += 1;
      return [];
    }
  }
}
