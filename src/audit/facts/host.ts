/** The server's machine, looked at from the inside. Names, modes and places only: never what a file holds. */

export interface FileStatus {
  path: string;
  /** Permission bits: 0o640. */
  mode: number;
  uid: number;
  gid: number;
}

export interface HostFacts {
  /** undefined: there is no such file, or it may not be looked at. */
  status(path: string): Promise<FileStatus | undefined>;
  /** Home directories of accounts that this process may enter. */
  homes(): Promise<readonly string[]>;
  /** The server's account; undefined when it was not found. */
  serverUid: number | undefined;
  isRoot: boolean;
}
