/** Encryption for those who publish and read: keys in, opaque value out, so that no key is passed around as text. */
import { type KeyRing, open, readKey, reseal, seal } from "../encryption/envelope.ts";

export interface EncryptionKeys {
  /** 64 hexadecimal digits. What is published now is sealed with it. */
  key: string;
  /** Keys of before the last rotations, which still open what they sealed. */
  previous?: readonly string[];
}

/** AES-256-GCM with local keys. The outbox's name is authenticated with each payload. */
export class PayloadEncryption {
  readonly #keys: KeyRing;

  /** Throws EncryptionFailure when a key is not 64 hexadecimal digits. */
  constructor({ key, previous = [] }: EncryptionKeys) {
    this.#keys = [readKey(key), ...previous.map(readKey)];
  }

  /** First 8 bytes of the SHA-256 of the current key: how envelopes name it. */
  get keyId(): string {
    return this.#keys[0].id;
  }

  /** JSON text of a sealed payload. `payload` is JSON text. */
  seal(payload: string, outbox: string): string {
    return seal(payload, outbox, this.#keys);
  }

  /** JSON text of what an envelope holds. Throws EncryptionFailure. */
  open(envelope: string, outbox: string): string {
    return open(envelope, outbox, this.#keys);
  }

  /** The envelope sealed anew with the current key; undefined when it is already. Throws EncryptionFailure. */
  rotate(envelope: string, outbox: string): string | undefined {
    return reseal(envelope, outbox, this.#keys);
  }
}
