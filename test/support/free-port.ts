/**
 * Ports for servers whose port has to be known before they start.
 *
 * They lie below those that the system hands out by itself (from 32768 on where nobody set it otherwise): a port from there
 * that was free a moment ago may meanwhile be the near end of any connection of this machine.
 */
import { once } from "node:events";
import { createServer } from "node:net";

const FIRST = 10_000;
const END = 32_768;
const MOST_TRIES = 100;

/** A port of 127.0.0.1 that nothing listens on at this moment. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const port = FIRST + Math.floor(Math.random() * (END - FIRST));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port in ${MOST_TRIES} tries`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
