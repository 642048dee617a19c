/**
 * One conversation with a server: what everything above this layer sees of the driver.
 *
 * A session is one connection, used by one caller, one command at a time. Three ways to send: `query` binds values
 * (extended protocol, one statement, rows kept); `script` sends text as it stands (simple protocol, many statements,
 * no rows kept, COPY data supplied on demand); `exchange` is `script` whose rows are wanted.
 *
 * A new session has `search_path = pg_catalog`, so that nothing in a database can capture our own statements; those name
 * every other object with its schema. Before SQL that is not ours runs, send RESTORE_SEARCH_PATH (connect/open.ts).
 */
import type { X509Certificate } from "node:crypto";
import type { Secret } from "../base/secrets.ts";

export interface ServerNotice {
  severity: string;
  code: string;
  message: string;
  detail?: string | undefined;
  hint?: string | undefined;
  where?: string | undefined;
  /** Function of the server's source that reported it: "exec_stmt_raise" for RAISE. */
  routine?: string | undefined;
}

/** Which server answered, and as whom we are there. Holds nothing secret. */
export interface SessionTarget {
  host: string;
  port: number;
  user: string;
  database: string;
  /** undefined on Unix sockets and without TLS. */
  tls: { protocol: string; verified: boolean } | undefined;
  /** "scram-sha-256-plus", "scram-sha-256", "md5", "password", "cert", "none" (asked for nothing). */
  authentication: string;
}

/** How the bytes of a session travel: evidence for whoever judges the connection. Holds nothing secret. */
export interface SessionLine {
  /** Where they go: an address and port, or the path of a Unix socket. */
  endpoint: { host: string; port: number } | { path: string };
  /** The answer to the request for TLS; undefined: it was not asked, or gave none that counts. */
  offersTls: boolean | undefined;
  tls: SessionTls | undefined;
}

export interface SessionTls {
  /** "TLSv1.3". */
  protocol: string;
  /** As the registry of TLS names it: "TLS_AES_256_GCM_SHA384". */
  cipher: string;
  /** The newest version that was offered to the server. */
  newestOffered: TlsVersion;
  /** The server's certificate and what it was issued by, as far as the server sent it or we know it. */
  certificates: readonly X509Certificate[];
}

export type TransactionStatus = "idle" | "transaction" | "failed";

/** One row, columns by name, values as the server's text ("t", "42"), null for SQL NULL. */
export type TextRow = Readonly<Record<string, string | null>>;

/** One row, columns by place. */
export type ArrayRow = readonly (string | null)[];

/** What NOTIFY brought. Anybody who may connect can send one: a hint, never a fact. */
export interface Notification {
  channel: string;
  /** At most 8,000 bytes. */
  payload: string;
  /** The backend that sent it. */
  processId: number;
}

export interface StatementResult {
  /** The server's command tag: "CREATE TABLE", "COPY 12". */
  tag: string;
  rows: TextRow[];
}

export interface ScriptOptions {
  /** Chunks for the next COPY ... FROM STDIN, in order; without it (or with none left) COPY is refused at once. */
  copyData?: readonly CopySource[];
  /** Called as each statement completes, with its command tag. */
  onStatement?: (tag: string) => void;
}

/** Data of one COPY, already in COPY text format. Read once, with back-pressure, so it need not fit in memory. */
export type CopySource = Iterable<Buffer> | AsyncIterable<Buffer>;

export interface Session extends AsyncDisposable {
  readonly target: SessionTarget;
  readonly line: SessionLine;
  /** server_version_num: 180004. */
  readonly serverVersion: number;
  readonly processId: number;
  /** Round trips of statements so far, authentication left out. For tests and the benchmark. */
  readonly roundTrips: number;
  transactionStatus(): TransactionStatus;
  /** A ParameterStatus value the server announced ("is_superuser", "server_encoding"). */
  parameterStatus(name: string): string | undefined;
  /** Runs one statement with bound values. Rows as text. Throws ServerError. */
  query(text: string, values?: readonly (string | null)[]): Promise<TextRow[]>;
  /**
   * As `query`, for statements that run again and again: the server parses each text once per session, and rows are
   * arrays, which are read about twice as fast as named columns. Texts must come from a fixed set.
   */
  rows(text: string, values?: readonly (string | null)[]): Promise<ArrayRow[]>;
  /** Sends `text` as one simple-protocol message and discards all rows. Returns the number of statements completed. Throws ServerError. */
  script(text: string, options?: ScriptOptions): Promise<number>;
  /** As `script`, keeping the rows of each statement. For our own statements, whose results are small. */
  exchange(text: string, options?: ScriptOptions): Promise<StatementResult[]>;
  /**
   * Sends `text` as one message ahead of the next command, which need not wait for its end: the server takes messages in
   * order. Results are dropped. Not counted as a round trip. Throws ServerError.
   */
  ahead(text: string): Promise<void>;
  /** Replaces the listener of notices. The listener must be quick; it is called as messages arrive. */
  onNotice(listener: (notice: ServerNotice) => void): void;
  /** Replaces the listener of notifications; they come only after a LISTEN, also while no command runs. */
  onNotification(listener: (notification: Notification) => void): void;
  /** Calls `listener` once when the connection has ended, for whatever reason; at once when it has already. */
  onEnd(listener: () => void): void;
  /** Asks the server, over a second connection with the same TLS settings, to end the running statement. Never throws. */
  cancel(): Promise<void>;
  /** Ends the session. Safe to call twice and on a broken connection; waits at most two seconds. */
  close(): Promise<void>;
  /**
   * As `close`, but without waiting for the server's own goodbye when nothing runs: it first removes the session's
   * temporary objects, which takes longer than a small deploy should. Whoever needs to know that the session is gone
   * closes it.
   */
  leave(): Promise<void>;
}

/** An error the server reported. Plain fields; never the driver's object, which carries the connection's settings. */
export class ServerError extends Error {
  readonly severity: string;
  readonly sqlstate: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly where: string | undefined;
  /** 1-based, in characters of the text sent. */
  readonly position: number | undefined;
  /** 1-based, in characters of `internalQuery`. */
  readonly internalPosition: number | undefined;
  readonly internalQuery: string | undefined;
  /** Schema, table, column, datatype, constraint names, when the server gave them. */
  readonly objects: Readonly<Partial<Record<"schema" | "table" | "column" | "dataType" | "constraint", string>>>;

  constructor(fields: ServerErrorFields) {
    super(fields.message);
    this.name = "ServerError";
    this.severity = fields.severity;
    this.sqlstate = fields.sqlstate;
    this.detail = fields.detail;
    this.hint = fields.hint;
    this.where = fields.where;
    this.position = fields.position;
    this.internalPosition = fields.internalPosition;
    this.internalQuery = fields.internalQuery;
    this.objects = fields.objects ?? {};
  }
}

export interface ServerErrorFields {
  message: string;
  severity: string;
  sqlstate: string;
  detail?: string | undefined;
  hint?: string | undefined;
  where?: string | undefined;
  position?: number | undefined;
  internalPosition?: number | undefined;
  internalQuery?: string | undefined;
  objects?: ServerError["objects"];
}

export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";
export type TargetSessionAttrs = "any" | "read-write" | "read-only" | "primary" | "standby" | "prefer-standby";

export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

export interface TlsFiles {
  /** A file of trusted authorities, or "system". */
  rootCert?: string | undefined;
  /** PEM text of trusted authorities, in place of a file (a cloud's own for one instance). */
  rootPem?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  crl?: string | undefined;
  /** A directory of revocation lists. */
  crlDirectory?: string | undefined;
  /** The operating system's file of authorities, for "system"; undefined: those that come with Node. */
  systemBundle?: string | undefined;
}

export interface HostAddress {
  /** A name, an IP literal without brackets, or an absolute directory of a Unix socket. */
  host: string;
  port: number;
  /** IP address to dial instead of resolving `host`, which is then only the name in the certificate (hostaddr). */
  address?: string | undefined;
}

/** Everything needed to connect, resolved: no environment or file of settings is read after this. */
export interface ConnectionSettings {
  hosts: readonly HostAddress[];
  user: string;
  database: string;
  /** Asked for again at every connect, because cloud tokens expire. undefined: none configured. */
  password: ((address: HostAddress) => Promise<Secret | undefined>) | undefined;
  sslMode: SslMode;
  sslNegotiation: "postgres" | "direct";
  /** Paths; rootCert may be "system". */
  tlsFiles: TlsFiles;
  tlsKeyPassphrase: Secret | undefined;
  /** Protocol versions as Node names them ("TLSv1.3"); undefined: 1.2 and up. */
  tlsVersions?: { min?: TlsVersion | undefined; max?: TlsVersion | undefined } | undefined;
  /** Whether the server's name is sent in the TLS handshake; default true. */
  serverNameIndication?: boolean | undefined;
  channelBinding: "disable" | "prefer" | "require";
  /** libpq's require_auth list; undefined: everything but clear text outside TLS and sockets. */
  requireAuth: readonly string[] | undefined;
  targetSessionAttrs: TargetSessionAttrs;
  /** 0 = none. Covers one host's whole handshake. */
  connectTimeoutMs: number;
  applicationName: string;
  /** Server settings sent in the startup packet (from `options` and unknown URI keys). */
  serverSettings: Readonly<Record<string, string>>;
  loadBalanceHosts: boolean;
}
