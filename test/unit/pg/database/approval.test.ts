/** Who may approve dropping a database. */
import { describe, expect, it } from "vitest";
import type { ProgressEvent, Prompter } from "../../../../src/base/operation.ts";
import { approvalStep, approveOverwrite } from "../../../../src/pg/database/approval.ts";

const answering = (answer: string | undefined): Prompter => ({
  text: async () => answer,
  secret: async () => answer,
  confirm: async () => true,
  choose: async () => answer,
});

interface Approving {
  force: boolean;
  prompt?: Prompter;
  environment?: Record<string, string>;
  wait?: (ms: number) => Promise<void>;
}

function approving(options: Approving) {
  const events: ProgressEvent[] = [];
  const controller = new AbortController();
  const result = approveOverwrite({
    database: "Shop",
    force: options.force,
    ...(options.wait && { wait: options.wait }),
    context: {
      prompt: options.prompt,
      report: (event) => events.push(event),
      signal: controller.signal,
      environment: options.environment ?? {},
    },
  });
  return { events, controller, result };
}

describe("approval of an overwrite", () => {
  it.each([
    [{ force: true, terminal: false }, "announce"],
    [{ force: true, terminal: true }, "countdown"],
    [{ force: false, terminal: true }, "ask"],
    [{ force: false, terminal: false }, "refuse"],
  ] as const)("%j means %s", (situation, step) => {
    expect(approvalStep(situation)).toBe(step);
  });

  it("[CL-12][D-13] is refused at once without a terminal and without --force", async () => {
    const { result, events } = approving({ force: false });
    await expect(result).rejects.toMatchObject({
      code: "DEPLOY_OVERWRITE_UNAPPROVED",
      exit: 12,
      parts: { hint: expect.stringContaining("--force"), state: "nothing was dropped" },
    });
    expect(events).toEqual([]);
  });

  it("[CL-15][D-13] is given by the exact name", async () => {
    const { result, events } = approving({ force: false, prompt: answering("Shop") });
    await result;
    expect(events).toEqual([{ type: "database.overwrite_warning", database: "Shop" }]);
  });

  it.each([["shop"], ["Shop "], ["yes"], [""], [undefined]])("[CL-15][D-13] is not given by %j", async (answer) => {
    await expect(approving({ force: false, prompt: answering(answer) }).result).rejects.toMatchObject({
      code: "DEPLOY_OVERWRITE_UNAPPROVED",
    });
  });

  it("[CL-07] is not waited for when the time is over", async () => {
    const prompt = { ...answering(""), text: () => new Promise<never>(() => undefined) };
    const { result, controller } = approving({ force: false, prompt });
    controller.abort(new Error("timeout"));
    await expect(result).rejects.toThrow("timeout");
  });

  it("[CL-16] is announced and immediate with --force and no terminal", async () => {
    const { result, events } = approving({ force: true });
    await result;
    expect(events).toEqual([
      { type: "database.overwrite_forced", database: "Shop", countdown_seconds: 0, banner: false },
    ]);
  });
});

describe("the countdown of --force on a terminal", () => {
  const prompt: Prompter = { ...answering(undefined), text: () => Promise.reject(new Error("must not ask")) };

  it("[CL-16] takes five seconds, says each, and never asks", async () => {
    const waits: number[] = [];
    const { result, events } = approving({ force: true, prompt, wait: async (ms) => void waits.push(ms) });
    await result;
    expect(waits).toEqual([1000, 1000, 1000, 1000, 1000]);
    expect(events[0]).toMatchObject({ type: "database.overwrite_forced", countdown_seconds: 5, banner: true });
    expect(events.slice(1).map((event) => event.seconds_left)).toEqual([5, 4, 3, 2, 1]);
  });

  it("[CL-16] ends with the interrupt", async () => {
    const { result, controller } = approving({ force: true, prompt });
    controller.abort(new Error("Ctrl-C"));
    await expect(result).rejects.toThrow("Ctrl-C");
  });

  it("[CL-16] leaves the banner out when PGMI_NO_BANNER is set", async () => {
    const environment = { PGMI_NO_BANNER: "1" };
    const { events, result } = approving({ force: true, prompt, environment, wait: async () => undefined });
    await result;
    expect(events[0]).toMatchObject({ banner: false });
  });
});
