/**
 * Which network addresses may be dialled on behalf of somebody who is not the operator of this host.
 *
 * Checked on every address a name resolves to, when it is dialled, so that an answer of the name service cannot change
 * between check and use.
 */
import type { LookupFunction } from "node:net";

/** An address that is refused. Names host and reason; the engine shows it. */
export class AddressRefusal extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AddressRefusal";
  }
}

export interface AddressPolicy {
  /** Refuses a host that can never be dialled: a literal in a forbidden range, in any spelling. Throws AddressRefusal. */
  checkHost(host: string, port: number): void;
  /** For sockets and clients that take one: resolves, checks every answer, and gives only what was checked. */
  readonly lookup: LookupFunction;
  /** Resolves and checks; the addresses that may be dialled. For clients that cannot take a lookup. Throws AddressRefusal. */
  resolve(host: string, port: number): Promise<readonly { address: string; family: 4 | 6 }[]>;
}
