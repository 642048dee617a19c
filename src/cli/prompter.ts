/**
 * Questions to a person, asked on stderr so that stdout stays the result's.
 *
 * Made only when both ends are a terminal (terminal.ts decides): on a pipe the prompts would wait for ever. An open
 * question ends with the run's signal, because a person who thinks must not keep a time limit or an interrupt waiting;
 * it then throws the signal's reason and does not look like an answer.
 */
import type { Prompter } from "../base/operation.ts";
import { tameLine } from "../base/tame.ts";

type Clack = typeof import("@clack/prompts");

/** A prompter over @clack/prompts, which is loaded at the first question. */
export function clackPrompter(signal: AbortSignal): Prompter {
  const common = { output: process.stderr, signal };
  const ask = async (question: (clack: Clack) => Promise<string | symbol | undefined>): Promise<string | undefined> => {
    const clack = await import("@clack/prompts");
    signal.throwIfAborted();
    const answer = await question(clack);
    signal.throwIfAborted();
    // A symbol stands for a prompt that was left.
    return typeof answer === "symbol" ? undefined : answer;
  };
  return {
    text: (question) => ask(({ text }) => text({ message: tameLine(question), ...common })),
    secret: (question) => ask(({ password }) => password({ message: tameLine(question), ...common })),
    confirm: async (question) => {
      const message = tameLine(question);
      const answer = ask(async ({ confirm }) => String(await confirm({ message, initialValue: false, ...common })));
      return (await answer) === "true";
    },
    choose: (question, choices) => {
      const options = choices.map(({ value, label }) => ({ value, label: tameLine(label) }));
      return ask(({ select }) => select({ message: tameLine(question), options, ...common }));
    },
  };
}
