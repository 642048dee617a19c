/**
 * Questions to a person, asked on stderr so that stdout stays the result's.
 *
 * Made only when both ends are a terminal (terminal.ts decides): on a pipe the prompts would wait for ever.
 */
import type { Prompter } from "../base/operation.ts";
import { tameLine } from "../base/tame.ts";

/** A prompter over @clack/prompts, which is loaded at the first question. */
export function clackPrompter(): Prompter {
  const clack = (): Promise<typeof import("@clack/prompts")> => import("@clack/prompts");
  const output = process.stderr;
  return {
    text: async (question) => {
      const { text, isCancel } = await clack();
      const answer = await text({ message: tameLine(question), output });
      return isCancel(answer) ? undefined : answer;
    },
    secret: async (question) => {
      const { password, isCancel } = await clack();
      const answer = await password({ message: tameLine(question), output });
      return isCancel(answer) ? undefined : answer;
    },
    confirm: async (question) => {
      const { confirm } = await clack();
      return (await confirm({ message: tameLine(question), initialValue: false, output })) === true;
    },
    choose: async (question, choices) => {
      const { select, isCancel } = await clack();
      const options = choices.map(({ value, label }) => ({ value, label: tameLine(label) }));
      const answer = await select({ message: tameLine(question), options, output });
      return isCancel(answer) ? undefined : answer;
    },
  };
}
