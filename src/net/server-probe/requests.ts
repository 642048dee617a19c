/**
 * What a PostgreSQL client may say first: a request for TLS, for GSSAPI encryption, or to begin a session.
 *
 * Source: PostgreSQL 18 manual, sections 54.2 "Message Flow" and 54.7 "Message Formats".
 */
import { ProbeGap, type ProbeLine } from "./dialer.ts";

const SSL_REQUEST = request(80_877_103);
const GSSENC_REQUEST = request(80_877_104);
const PROTOCOL_3_0 = 196_608;

function request(code: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(8, 0);
  bytes.writeInt32BE(code, 4);
  return bytes;
}

/** Asks for TLS. Throws ProbeGap for an answer that is neither yes nor no. */
export async function requestTls(line: ProbeLine): Promise<"accepted" | "declined"> {
  return await oneByteAnswer(line, SSL_REQUEST, "S");
}

/** Asks for GSSAPI encryption. Throws ProbeGap for an answer that is neither yes nor no. */
export async function requestGssEncryption(line: ProbeLine): Promise<"accepted" | "declined"> {
  return await oneByteAnswer(line, GSSENC_REQUEST, "G");
}

async function oneByteAnswer(line: ProbeLine, bytes: Buffer, yes: "S" | "G"): Promise<"accepted" | "declined"> {
  line.send(bytes);
  const answer = (await line.receive((received) => received.length > 0)).bytes.toString("latin1");
  if (answer === yes) return "accepted";
  if (answer === "N") return "declined";
  if (answer === "") throw new ProbeGap("the server hung up before it answered");
  // What is said before TLS can be anybody's: an error's text is not repeated.
  throw new ProbeGap(
    answer.startsWith("E") ? "the server answered with an error" : "the answer was neither yes nor no",
  );
}

/** The packet that begins a session. */
export function startupPacket(parameters: Readonly<Record<string, string>>): Buffer {
  const texts = Object.entries(parameters).flat();
  const body = Buffer.from(`${texts.join("\0")}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(PROTOCOL_3_0, 4);
  return Buffer.concat([head, body]);
}
