/**
 * The address guard: an AddressPolicy made of what the operator permits and what a pipeline asks for.
 *
 * Public addresses may be dialled on ports 80, 443 and from 1024 on. Anything else only where the operator's rules name
 * it, by network or by host name; a pipeline's own list can only take away from that. A cloud's metadata service needs
 * an entry of its own, so that a wide network does not open it by accident.
 *
 * A name is resolved when it is dialled; all its answers are checked and the socket gets exactly these, so there is no
 * second question that could be answered differently. One forbidden answer refuses the name: a name that points both
 * outside and inside is an attack or a mistake. Names of this machine are the exception; of theirs the permitted ones
 * are taken, since they answer for two families. Whatever fails inside the guard is a refusal.
 */
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { domainToASCII } from "node:url";
import { type AddressPolicy, AddressRefusal } from "./address-policy.ts";
import type { AddressRules } from "./address-rules.ts";
import { type IpAddress, isWithin, type Network, parseIp, parseNetwork, unmapped } from "./ip.ts";
import { isLocalName, isMetadataAddress, isMetadataName, reservedAs } from "./reserved-networks.ts";

/** What a pipeline asks for. Never more than the rules. */
export interface AddressWish {
  /** Networks and names it may need; empty: whatever the operator permits. */
  readonly allow: readonly string[];
  /** false asks for no protection, which means all that the operator permits. */
  readonly protection: boolean;
}

/** Asks the name service. Tests give their own. */
export type ResolveName = (host: string, options: LookupOptions) => Promise<LookupAddress[]>;

export interface AddressGuardOptions {
  rules: AddressRules;
  wish?: AddressWish | undefined;
  resolveName?: ResolveName | undefined;
}

/** Throws AddressRefusal when an entry of the lists is neither a network nor a host name. */
export function addressPolicy({ rules, wish, resolveName = askSystem }: AddressGuardOptions): AddressPolicy {
  const lists = [new AllowList(rules.allow)];
  if (wish?.protection && wish.allow.length > 0) lists.push(new AllowList(wish.allow));
  return new AddressGuard(lists, resolveName);
}

/** 253: the longest name of the name service. */
const MAX_NAME_LENGTH = 253;
/** 64 answers: more of one name are not looked at, so they are not dialled either. */
const MAX_ANSWERS = 64;
const PORTS_BELOW_1024 = [80, 443];

class AddressGuard implements AddressPolicy {
  readonly #lists: readonly AllowList[];
  readonly #resolveName: ResolveName;
  readonly lookup: LookupFunction;

  constructor(lists: readonly AllowList[], resolveName: ResolveName) {
    this.#lists = lists;
    this.#resolveName = resolveName;
    this.lookup = (host, options, callback) => {
      const found = this.#permittedAddresses(host, options);
      found.then(
        (addresses) => {
          if (options.all === true) callback(null, addresses);
          else callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
        },
        (error: NodeJS.ErrnoException) => callback(error, ""),
      );
    };
  }

  checkHost(host: string, port: number): void {
    if (!Number.isInteger(port) || port < 1 || port > 65_535 || (port < 1_024 && !PORTS_BELOW_1024.includes(port))) {
      throw new AddressRefusal(`port ${port} may not be dialled: only 80, 443 and 1024 to 65535`);
    }
    const address = parseIp(host);
    if (address) this.#checkAddress(address, host, undefined);
    else this.#checkName(nameOf(host));
  }

  async resolve(host: string, port: number): Promise<readonly { address: string; family: 4 | 6 }[]> {
    this.checkHost(host, port);
    const addresses = await this.#permittedAddresses(host, {});
    return addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  }

  async #permittedAddresses(host: string, options: LookupOptions): Promise<LookupAddress[]> {
    const literal = parseIp(host);
    if (literal) {
      this.#checkAddress(literal, host, undefined);
      return [{ address: textOf(literal, host), family: literal.family }];
    }
    const name = nameOf(host);
    this.#checkName(name);
    const answers = (await this.#resolveName(name, { ...options, all: true })).slice(0, MAX_ANSWERS);
    if (answers.length === 0) throw new AddressRefusal(`host "${name}" has no address`);
    const permitted = isLocalName(name) ? answers.filter((answer) => this.#isPermitted(answer, name)) : answers;
    for (const { address } of permitted.length > 0 ? permitted : answers) this.#checkAnswer(address, name);
    return permitted;
  }

  #isPermitted({ address }: LookupAddress, name: string): boolean {
    try {
      this.#checkAnswer(address, name);
      return true;
    } catch {
      return false;
    }
  }

  #checkAnswer(text: string, name: string): void {
    const address = parseIp(text);
    if (!address) throw new AddressRefusal(`host "${name}" has an answer that is no address`);
    this.#checkAddress(address, name, name);
  }

  /** `name`: the host whose answer this is. */
  #checkAddress(address: IpAddress, host: string, name: string | undefined): void {
    const is = reservedAs(address);
    if (is === undefined) return;
    const meant = unmapped(address);
    if (this.#lists.every((list) => list.permits(meant, name))) return;
    const whose = name === undefined ? `address ${shown(host)} is` : `host "${host}" leads to an address that is`;
    throw new AddressRefusal(`${whose} ${is}, which this process does not permit`);
  }

  #checkName(name: string): void {
    const is = isMetadataName(name) ? "a cloud's metadata service" : isLocalName(name) ? "this machine" : undefined;
    if (is === undefined || this.#lists.every((list) => list.namesHost(name) || list.permitsLocal(name))) return;
    throw new AddressRefusal(`host "${name}" is ${is}, which this process does not permit`);
  }
}

/** In lower case and ASCII, as it will be asked for. Throws AddressRefusal for what is no host name. */
function nameOf(host: string): string {
  const name = asciiName(host);
  // An address that is only seen as one after conversion (full-width digits) must not pass for a name.
  if (!isHostName(name) || parseIp(name)) throw new AddressRefusal(`${shown(host)} is not a host name`);
  return name;
}

/** What would end a host in a URL is left out silently by the conversion, so a host that holds such a thing is none. */
function asciiName(host: string): string {
  return /[^\x21-\u{10ffff}]|[/\\?#@:%<>[\]^`{|}"\x7f]/u.test(host) ? "" : domainToASCII(host).replace(/\.$/, "");
}

function isHostName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= MAX_NAME_LENGTH &&
    /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(name)
  );
}

function shown(host: string): string {
  return `"${host.replace(/[^\x21-\x7e]/g, "?").slice(0, 80)}"`;
}

/** A literal as every socket reads it: IPv4 in its plain spelling, IPv6 without brackets and with its zone. */
function textOf({ family, value }: IpAddress, host: string): string {
  if (family === 6) return host.replace(/^\[(.*)\]$/, "$1");
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
}

/** Networks and names, as the operator or a pipeline wrote them. */
class AllowList {
  readonly #networks: Network[] = [];
  /** "nats.internal", or "*.svc.cluster.local" for everything below. */
  readonly #names = new Set<string>();

  constructor(entries: readonly string[]) {
    for (const entry of entries) this.#add(entry.trim());
  }

  #add(entry: string): void {
    const network = parseNetwork(entry);
    if (network) {
      this.#networks.push(network);
      return;
    }
    const name = asciiName(entry.replace(/^\*\./, ""));
    if (!isHostName(name) || parseIp(name)) {
      throw new AddressRefusal(`${shown(entry)} is neither a network such as 10.0.0.0/8 nor a host name`);
    }
    this.#names.add(entry.startsWith("*.") ? `*.${name}` : name);
    if (name === "localhost") this.#networks.push(LOOPBACK_4, LOOPBACK_6);
  }

  /** `name`: the host that `address` is an answer for. */
  permits(address: IpAddress, name: string | undefined): boolean {
    if (isMetadataAddress(address))
      return this.#networks.some((network) => isSingle(network) && isWithin(address, network));
    if (name !== undefined && this.namesHost(name)) return true;
    return this.#networks.some((network) => isWithin(address, network));
  }

  namesHost(name: string): boolean {
    if (this.#names.has(name)) return true;
    const labels = name.split(".");
    return labels.some((_, index) => index > 0 && this.#names.has(`*.${labels.slice(index).join(".")}`));
  }

  /** Whether a name of this machine can lead to anything permitted. */
  permitsLocal(name: string): boolean {
    if (!isLocalName(name)) return false;
    return this.#networks.some((network) => overlaps(network, LOOPBACK_4) || overlaps(network, LOOPBACK_6));
  }
}

const LOOPBACK_4: Network = { family: 4, first: 127n << 24n, prefix: 8 };
const LOOPBACK_6: Network = { family: 6, first: 1n, prefix: 128 };

function isSingle({ family, prefix }: Network): boolean {
  return prefix === (family === 4 ? 32 : 128);
}

function overlaps(a: Network, b: Network): boolean {
  return isWithin({ family: a.family, value: a.first }, b) || isWithin({ family: b.family, value: b.first }, a);
}

function askSystem(host: string, options: LookupOptions): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(host, { ...options, all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}
