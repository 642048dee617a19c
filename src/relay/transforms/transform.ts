/**
 * A transform: what a pipeline does to an event between the outbox and its wire format.
 *
 * One file per kind, default export `defineTransform({...})`; the file's name is its key in a pipeline's `transform`. They run in the
 * order of `rank`. What a transform drops counts as delivered: leaving it out was the wish.
 */
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";
import type { Message } from "../message.ts";

/** An event that cannot be transformed: the message is a dead letter of kind "decode". Says nothing of its content. */
export class TransformFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TransformFailure";
  }
}

export interface TransformContext {
  outbox: string;
}

/** undefined: dropped. A changed message is a new object. Throws TransformFailure. */
export type Apply = (message: Message) => Message | undefined;

export interface TransformDefinition<Options extends Zod.ZodType = Zod.ZodType> {
  name: string;
  summary: string;
  /** 10 decrypt, 20 filter, 30 payload. */
  rank: number;
  options: (z: ZodNamespace) => Options;
  /** Checks and compiles once per pipeline start. Throws TransformFailure for options that can never work. */
  prepare(options: Zod.output<Options>, context: TransformContext): Apply | Promise<Apply>;
}

export function defineTransform<Options extends Zod.ZodType>(
  definition: TransformDefinition<Options>,
): TransformDefinition<Options> {
  return definition;
}
