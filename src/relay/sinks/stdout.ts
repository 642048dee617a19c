/** Writes each message to the process's standard output. */
import { ConnectorFailure } from "../failures.ts";
import { asLines, deliverSmall, lineFormat } from "./lines.ts";
import { defineSink } from "./sink.ts";

/** 1 MiB: what pg_tide allows a message to be. */
const MESSAGE_BYTES = 1024 * 1024;

export default defineSink({
  type: "stdout",
  summary: "Standard output of the relay's process",
  config: (z) => z.strictObject({ format: lineFormat(z) }),
  guarantees: {
    order: "Order of the outbox, whole pipeline.",
    duplicates: "A repeated message has the same dedup_key.",
    acknowledgement: "When the operating system has taken the bytes; a reader that dies may have lost some.",
  },
  limits: { batchMessages: 1_000, batchBytes: 16 * 1024 * 1024, messageBytes: MESSAGE_BYTES },
  lanes: () => 1,
  subject: () => undefined,
  wrapsNative: true,
  async open({ format }, { streams: { output } }) {
    // Without a listener a broken pipe would end the process instead of the pipeline.
    const ignore = () => {};
    output.on("error", ignore);
    let isClosed = false;
    return {
      send(batch, signal) {
        return deliverSmall(batch, MESSAGE_BYTES, (small) => {
          if (isClosed || !output.writable) throw new ConnectorFailure("unavailable", "standard output is closed");
          return write(output, asLines(small, format), signal);
        });
      },
      async close() {
        isClosed = true;
        output.off("error", ignore);
      },
    };
  },
});

/** Resolves when the bytes are handed over, so that a slow reader slows the pipeline down. */
async function write(output: NodeJS.WritableStream, bytes: Buffer, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let stop: (reason: unknown) => void = () => {};
  const onClose = () => stop(new Error("closed"));
  const onAbort = () => stop(signal.reason);
  try {
    await new Promise<void>((resolve, reject) => {
      stop = reject;
      output.on("close", onClose);
      signal.addEventListener("abort", onAbort);
      output.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new ConnectorFailure("unavailable", "standard output was closed by its reader", { cause: error });
  } finally {
    output.off("close", onClose);
    signal.removeEventListener("abort", onAbort);
  }
}
