/**
 * What a project is, once read: the shape every part of deploy agrees on.
 */

/** The metadata block of one SQL file. */
export interface FileMetadata {
  /** Lower-case UUID with hyphens. */
  id: string;
  idempotent: boolean;
  /** As written, untrimmed; empty when the element is absent. */
  description: string;
  /** As written; empty when none. */
  sortKeys: readonly string[];
}

/** A directory below `__test__` or `__tests__` that directly holds a file. */
export interface TestDirectory {
  /** "./a/__test__/" with both ends. */
  path: string;
  /** The nearest ancestor that is itself listed. */
  parentPath: string | undefined;
  /** 0 for the `__test__` directory itself. */
  depth: number;
}

export interface ProjectFile {
  /** "./schema/010_tables.sql": relative, "/" separators. */
  path: string;
  /** Text after removal of a byte order mark; valid UTF-8 without NUL. */
  content: string;
  /** UTF-8 bytes of `content`. */
  sizeBytes: number;
  /** Lower-case hexadecimal SHA-256 of those bytes. */
  checksum: string;
  /** The normalized checksum (`pgmi_checksum`). */
  normalizedChecksum: string;
  isSql: boolean;
  isTest: boolean;
  metadata: FileMetadata | undefined;
}

export interface Project {
  /** Absolute, links resolved. */
  root: string;
  /** Text of deploy.sql after removal of a byte order mark. */
  deployScript: string;
  /** Everything but deploy.sql, tests and non-SQL files included, ordered by path bytes. */
  files: readonly ProjectFile[];
  testDirectories: readonly TestDirectory[];
}

/** A validated parameter. The value is a secret for redaction whatever its key. */
export interface Parameter {
  /** Lower case, /^[a-z_][a-z0-9_]{0,62}$/. */
  key: string;
  value: string;
}
