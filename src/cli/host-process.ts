/** What the command line lends of its process to operations that run for long. */
import type { HostProcess } from "../base/operation.ts";

/** The streams are made when they are asked for: that costs more than most commands. */
export function hostProcess(): HostProcess {
  return {
    get input() {
      return process.stdin;
    },
    get output() {
      return process.stdout;
    },
    onHangup: (listener) => {
      process.on("SIGHUP", listener);
      return () => process.off("SIGHUP", listener);
    },
  };
}
