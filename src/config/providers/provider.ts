/**
 * What a provider of references is: it turns the argument of `${name:argument}` into the value that stands there.
 *
 * A provider reads one place (environment, files) and decides by itself whether the place is trustworthy. It never
 * looks inside the value it found: expansion is one pass, so that nobody who controls a value controls what else is read.
 */

export interface ReferenceContext {
  environment: Readonly<Record<string, string | undefined>>;
  /** Absolute directories that values may be read from. Empty: no file may be read. */
  secretRoots: readonly string[];
  /** Most bytes that a file may have. */
  maxFileBytes: number;
}

export interface ReferenceProvider {
  /** File name and the word before the colon: "env". */
  name: string;
  summary: string;
  /** The value. Throws ReferenceFailure, whose texts never hold the value. */
  resolve(argument: string, context: ReferenceContext): Promise<string>;
}

export function defineReferenceProvider(provider: ReferenceProvider): ReferenceProvider {
  return provider;
}

/** Why one reference has no value, to be joined with the reference itself by whoever expands the text. */
export class ReferenceFailure extends Error {
  readonly hint: string | undefined;

  constructor(reason: string, hint?: string) {
    super(reason);
    this.name = "ReferenceFailure";
    this.hint = hint;
  }
}
