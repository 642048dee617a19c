/**
 * A signature scheme of webhooks: headers that prove who sent a body, made and checked.
 *
 * One file per scheme, default export `defineSignature({...})`. Several secrets at once are a rotation: signing uses
 * all of them where the scheme can carry more than one signature, else the first; verifying accepts any.
 */
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";

export interface SignRequest {
  /** The id receivers deduplicate by. */
  id: string;
  /** Seconds since 1970. */
  timestamp: number;
  body: Buffer;
}

export interface VerifyRequest {
  /** Names in lower case; a header that came twice is joined by ", ". */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  /** Seconds since 1970, the receiver's clock. */
  now: number;
  /** How far the sender's clock may be off, both ways, in seconds. */
  tolerance: number;
}

/** Why a request is refused, for the log; the sender is told nothing but 401. Never holds a signature or secret. */
export class SignatureFailure extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "SignatureFailure";
  }
}

export interface SignatureDefinition<Options extends Zod.ZodObject = Zod.ZodObject> {
  name: string;
  summary: string;
  /** Besides scheme, secret, secrets and tolerance_seconds: a strict object in which everything has a default. */
  options: (z: ZodNamespace) => Options;
  /** What a secret must look like; throws SignatureFailure, without the secret. Called when a pipeline starts. */
  checkSecret(secret: string, use: "sign" | "verify"): void;
  /** Header names in lower case. */
  sign?(request: SignRequest, secrets: readonly string[], options: Zod.output<Options>): Record<string, string>;
  /** Throws SignatureFailure. Constant-time on digests of fixed length. `eventId`: the scheme's own id of the event. */
  verify?(
    request: VerifyRequest,
    secrets: readonly string[],
    options: Zod.output<Options>,
  ): { eventId: string | undefined };
}

export function defineSignature<Options extends Zod.ZodObject>(
  definition: SignatureDefinition<Options>,
): SignatureDefinition<Options> {
  return definition;
}
