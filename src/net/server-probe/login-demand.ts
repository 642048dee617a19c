/**
 * What a server asks of somebody who wants to log in. We never answer: no password, no proof, not even an empty one.
 *
 * The answer to a startup packet is read up to the first message that decides. Where nothing is asked for (trust), a
 * session would begin at once, and with it whatever the database's owner tied to logins. So the packet also asks for a
 * setting that no server has: it is looked at after authentication and before anything runs, and ends the session there.
 * A pooler may refuse that setting outright; it is then asked again without.
 *
 * Source: PostgreSQL 18 manual, sections 54.2.1 "Start-up" and 54.7 "Message Formats".
 */
import { ProbeGap, type ProbeLine } from "./dialer.ts";
import { startupPacket } from "./requests.ts";

/** The server's demand of somebody who wants to log in, before anything was proved. */
export type Demand = "nothing" | "clear text" | "md5" | "scram" | "gss" | "sspi" | "other" | "refused" | "no answer";

export interface LoginAnswer {
  demand: Exclude<Demand, "no answer">;
  /** SASL mechanisms, when offered. */
  mechanisms: readonly string[];
}

export interface LoginRequest {
  user: string;
  database: string;
}

/** Read in the server's log when a session would have begun: it says who asked, and that it is over. */
const NO_SUCH_SETTING = "pgkeep_audit_ends_here";

const APPLICATION_NAME = "pgkeep-audit";

export type AskOnce = <Result>(question: (line: ProbeLine) => Promise<Result>) => Promise<Result>;

/** The demand on lines that `ask` makes. Throws ProbeGap. */
export async function loginDemand(ask: AskOnce, request: LoginRequest): Promise<LoginAnswer> {
  const first = await ask((line) => demandOn(line, request, { [NO_SUCH_SETTING]: "on" }));
  const answer = first === "setting refused" ? await ask((line) => demandOn(line, request, {})) : first;
  if (answer === "setting refused") throw new ProbeGap("the server refused the startup packet");
  return answer;
}

async function demandOn(
  line: ProbeLine,
  { user, database }: LoginRequest,
  extra: Readonly<Record<string, string>>,
): Promise<LoginAnswer | "setting refused"> {
  line.send(startupPacket({ user, database, application_name: APPLICATION_NAME, ...extra }));
  let message: Message | undefined;
  const { isClosed } = await line.receive((bytes) => {
    message = decisiveMessage(bytes);
    return message !== undefined;
  });
  if (message === undefined) throw new ProbeGap(isClosed ? "the server hung up before it answered" : "no answer");
  return message.type === "R" ? demandOf(message.body) : refusalOf(message.body);
}

interface Message {
  type: string;
  body: Buffer;
}

/** 30,000 bytes: libpq's own limit before authentication. */
const MAX_MESSAGE_BYTES = 30_000;
/** Notices, and the offer of another protocol version. */
const PASSED_OVER = new Set(["N", "v"]);

/** The first message that decides; undefined while it has not arrived. Throws ProbeGap for what no server says. */
function decisiveMessage(bytes: Buffer): Message | undefined {
  let offset = 0;
  while (offset + 5 <= bytes.length) {
    const type = String.fromCharCode(bytes.readUInt8(offset));
    const length = bytes.readInt32BE(offset + 1);
    if (!/^[RENv]$/.test(type) || length < 4 || length > MAX_MESSAGE_BYTES) {
      throw new ProbeGap("the answer is not PostgreSQL's protocol");
    }
    const end = offset + 1 + length;
    if (end > bytes.length) return undefined;
    if (!PASSED_OVER.has(type)) return { type, body: bytes.subarray(offset + 5, end) };
    offset = end;
  }
  return undefined;
}

const DEMANDS: ReadonlyMap<number, LoginAnswer["demand"]> = new Map([
  [0, "nothing"],
  [3, "clear text"],
  [5, "md5"],
  [7, "gss"],
  [8, "gss"],
  [9, "sspi"],
]);
const SASL = 10;

function demandOf(body: Buffer): LoginAnswer {
  if (body.length < 4) throw new ProbeGap("the answer is not PostgreSQL's protocol");
  const code = body.readInt32BE(0);
  if (code !== SASL) return { demand: DEMANDS.get(code) ?? "other", mechanisms: [] };
  const mechanisms = body
    .toString("latin1", 4)
    .split("\0")
    .filter((name) => /^[A-Z0-9-_]{1,20}$/.test(name));
  return { demand: mechanisms.some((name) => name.startsWith("SCRAM-")) ? "scram" : "other", mechanisms };
}

/** Errors by their SQLSTATE alone; their words are not repeated. */
function refusalOf(body: Buffer): LoginAnswer | "setting refused" {
  const state = fieldOf(body, "C");
  if (state === "28000" || state === "28P01") return { demand: "refused", mechanisms: [] };
  // 08P01: poolers; 42704: a server that looks at settings first.
  if (state === "08P01" || state === "42704") return "setting refused";
  throw new ProbeGap(`the server answered with error ${/^[0-9A-Z]{5}$/.test(state) ? state : "of no known kind"}`);
}

function fieldOf(body: Buffer, wanted: string): string {
  const fields = body.toString("latin1").split("\0");
  return fields.find((field) => field.startsWith(wanted))?.slice(1) ?? "";
}
