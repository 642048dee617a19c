/**
 * The library: every operation as a typed function, `deploy.run({ path: "./shop", database: "shop" })`.
 *
 * A call validates its input, runs in this process and returns the operation's output; it prints nothing, prompts
 * nobody and never ends the process. Failures are thrown as `PgkeepError`. Operations and schemas are loaded at the
 * first call, so importing this module costs almost nothing.
 */
import { systemClock } from "./base/clock.ts";
import type { Operation, OperationContext, ProgressEvent } from "./base/operation.ts";
import type { z } from "zod";
import { loadOperation, operationNames, runOperation } from "./operations/call.ts";
import type { index } from "./operations/index.ts";

export { EXIT, type ErrorCode, type ErrorParts, PgkeepError } from "./base/errors.ts";
export type { ProgressEvent } from "./base/operation.ts";
export { Secret, scrub } from "./base/secrets.ts";

/** What a call may use of the world; everything has a default. */
export interface CallOptions {
  /** Ends the call: the running statement is cancelled on the server. */
  signal?: AbortSignal;
  /** Called with each step as it happens. */
  onProgress?: (event: ProgressEvent) => void;
  /** Variables to read settings from. Default: none, so that a program's own variables never choose the database. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start from. Default: the process's directory. */
  workingDirectory?: string;
}

type Index = typeof index;
type OperationName = keyof Index & string;
type Definition<Name extends OperationName> = Awaited<ReturnType<Index[Name]>>["default"];
type InputOf<Name extends OperationName> =
  Definition<Name> extends Operation<infer Input, infer _Output> ? z.input<Input> : never;
type OutputOf<Name extends OperationName> =
  Definition<Name> extends Operation<infer _Input, infer Output> ? z.output<Output> : never;

/** One operation as a function. */
export type Call<Name extends OperationName> = (input: InputOf<Name>, options?: CallOptions) => Promise<OutputOf<Name>>;

/** The operations of one area by verb: "deploy.run" is `run` of `deploy`. */
export type Area<Name extends string> = {
  readonly [Key in OperationName as Key extends `${Name}.${infer Verb}` ? Verb : never]: Call<Key>;
};

const call =
  <Name extends OperationName>(name: Name): Call<Name> =>
  async (input, options = {}) => {
    const operation = await loadOperation(name);
    const { parseInput } = await import("./operations/validate.ts");
    const checked = await parseInput(operation, input);
    // The catalogue pairs name and definition; TypeScript cannot follow that through a lookup by a generic name.
    return (await runOperation(operation, checked, contextOf(options))) as OutputOf<Name>;
  };

function contextOf({ signal, onProgress, environment, workingDirectory }: CallOptions): OperationContext {
  return {
    environment: environment ?? {},
    workingDirectory: workingDirectory ?? process.cwd(),
    clock: systemClock,
    signal: signal ?? new AbortController().signal,
    report: (event) => onProgress?.(event),
  };
}

function area<Name extends string>(name: Name): Area<Name> {
  const names = operationNames().filter((each) => each.startsWith(`${name}.`));
  const calls = names.map((each) => [each.slice(name.length + 1), call(each as OperationName)]);
  return Object.fromEntries(calls);
}

/** Who may do what: models, plans, proofs. */
export const access: Area<"access"> = area("access");
/** What an assistant should know. */
export const ai: Area<"ai"> = area("ai");
/** Is a server safe, and what cures what is not. */
export const audit: Area<"audit"> = area("audit");
/** Configuration files and the settings in effect. */
export const config: Area<"config"> = area("config");
/** The embedded server. */
export const db: Area<"db"> = area("db");
/** Deploying a project, its tests, and what it would load. */
export const deploy: Area<"deploy"> = area("deploy");
/** Metadata blocks of a project's files. */
export const metadata: Area<"metadata"> = area("metadata");
/** Making projects. */
export const project: Area<"project"> = area("project");
/** Events that leave and enter a database: running the relay, looking at it, dead letters. */
export const relay: Area<"relay"> = area("relay");
/** What was deployed from the command line of this account. */
export const runs: Area<"runs"> = area("runs");
/** The templates that projects are made from. */
export const templates: Area<"templates"> = area("templates");
/** Is everything ready to deploy. */
export const doctor: Call<"doctor"> = call("doctor");
/** Explains an error code, offline. */
export const explain: Call<"explain"> = call("explain");
/** Which build this is. */
export const version: Call<"version"> = call("version");
