/** A started embedded server as text: where it is, how to reach it, how to end it, and what it is not for. */
import type { ProgressEvent } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/db.start.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (output) =>
    [
      `PostgreSQL ${output.version} ${output.already_running ? "runs already" : "started"}, ${output.purpose}`,
      `  url   ${tameLine(output.url)}`,
      `  data  ${tameLine(output.data_dir)}`,
      `  pid   ${output.pid}${output.run_as === null ? "" : ` as ${tameLine(output.run_as)}`}`,
      "",
    ].join("\n"),
  progress: (event, view) => (view.quiet ? undefined : startProgress(event)),
  summary: (_output, view) =>
    view.isTerminal && !view.quiet ? "next: pgkeep db psql     stop: pgkeep db stop" : undefined,
});

/** One line per step that takes a while; also for commands that start a server on the way. */
export function startProgress(event: ProgressEvent): string | undefined {
  if (event.type === "db.waiting") return "Waiting for another pgkeep that starts or stops this server";
  if (event.type === "db.initializing")
    return `Creating a PostgreSQL data directory in ${tameLine(String(event.data_dir))}`;
  if (event.type !== "db.starting") return undefined;
  return event.run_as ? `Starting PostgreSQL as ${tameLine(String(event.run_as))}` : "Starting PostgreSQL";
}
