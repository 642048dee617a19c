/** A server or proxy of a test as its users see it: where it listens, and who came. */

export interface Listener extends AsyncDisposable {
  host: string;
  port: number;
  /** Connections ever accepted. */
  accepted(): number;
  /** Connections open now. */
  open(): number;
  /** Bytes that came through its TLS, for those that have one. */
  heard?(): number;
  stop(): Promise<void>;
}
