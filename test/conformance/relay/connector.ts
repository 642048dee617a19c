/** What connectors are given by the engine, made for tests: contexts, deliveries, and policies that permit all or nothing. */

import { lookup } from "node:dns";
import { lookup as resolveName } from "node:dns/promises";
import { PassThrough } from "node:stream";
import { z } from "zod";
import { systemClock } from "../../../src/base/clock.ts";
import { type AddressPolicy, AddressRefusal } from "../../../src/net/address-policy.ts";
import type { ConnectorContext, ConnectorDefinition } from "../../../src/relay/connector.ts";
import { ConnectorFailure } from "../../../src/relay/failures.ts";
import type { Delivery, Message } from "../../../src/relay/message.ts";
import { problemsOf } from "../../../src/relay/pipeline/problems.ts";

/** Permits every address: brokers of tests live on loopback. */
export const PERMIT_ALL: AddressPolicy = {
  checkHost: () => {},
  lookup,
  async resolve(host) {
    const answers = await resolveName(host, { all: true });
    return answers.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  },
};

/** Refuses every address, as the guard refuses private ones. */
export const REFUSE_ALL: AddressPolicy = {
  checkHost(host) {
    throw new AddressRefusal(`${host} is refused by this test`);
  },
  lookup(hostname, _options, callback) {
    callback(new AddressRefusal(`${hostname} is refused by this test`), "");
  },
  resolve(host) {
    return Promise.reject(new AddressRefusal(`${host} is refused by this test`));
  },
};

/** A context as the engine makes it; a case changes what it is about. */
export function connectorContext(changes: Partial<ConnectorContext> = {}): ConnectorContext {
  return {
    pipeline: "conformance",
    group: "conformance-group",
    clock: systemClock,
    signal: new AbortController().signal,
    addresses: PERMIT_ALL,
    allowInsecure: false,
    openDatabase: () => Promise.reject(new Error("this test has no database")),
    resolveDatabase: () => Promise.reject(new Error("this test has no database")),
    streams: { input: new PassThrough(), output: new PassThrough() },
    warn: () => {},
    ...changes,
  };
}

/**
 * The configuration as it comes out of the catalog: defaults filled in, unknown keys refused. Throws what is wrong as the
 * failure that a pipeline shows, without any value.
 */
export function readConfig<Config extends z.ZodObject>(
  definition: Pick<ConnectorDefinition<Config>, "config">,
  config: Record<string, unknown>,
): z.output<Config> {
  const schema = definition.config(z);
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  throw new ConnectorFailure("invalid_config", problemsOf(parsed.error.issues, schema).join("; "));
}

export interface DeliveryParts {
  subject?: string | undefined;
  body?: string | Buffer | null;
  headers?: Record<string, string>;
  orderKey?: string;
  key?: string;
  outbox?: string;
}

/** Message number `id` on its way to a sink. */
export function delivery(id: number, parts: DeliveryParts = {}): Delivery {
  const { outbox = "orders", body = JSON.stringify({ number: id }), headers = {} } = parts;
  const dedupKey = `outbox_${outbox}:${id}:0`;
  const message: Message = {
    id: BigInt(id),
    outbox,
    dedupKey,
    messageKey: undefined,
    op: "event",
    createdAt: "2026-01-02T03:04:05.678901Z",
    payload: "{}",
    headers: "{}",
  };
  return {
    message,
    subject: parts.subject,
    orderKey: parts.orderKey ?? "all",
    key: parts.key ?? dedupKey,
    body,
    contentType: "application/json",
    headers,
    bytes: body === null ? 0 : Buffer.byteLength(body),
  };
}

/** Deliveries `first` to `last`, dealt to as many order keys. */
export function deliveries(first: number, last: number, parts: DeliveryParts & { keys?: number } = {}): Delivery[] {
  const { keys = 1, ...rest } = parts;
  return Array.from({ length: last - first + 1 }, (_, index) =>
    delivery(first + index, { orderKey: `key-${(first + index) % keys}`, ...rest }),
  );
}
