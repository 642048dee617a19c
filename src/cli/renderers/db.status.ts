/** The state of the embedded server as text. Its limits are part of its state. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/db.status.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

const STATES = { running: "running", stopped: "stopped, its data is kept", absent: "absent, nothing was started here" };

export default defineRenderer<Output>({
  result: (output) =>
    [
      `PostgreSQL ${output.version} embedded: ${STATES[output.state]}`,
      ...(output.url === null ? [] : [`  url   ${tameLine(output.url)}`]),
      ...(output.data_dir === null ? [] : [`  data  ${tameLine(output.data_dir)}`]),
      ...(output.pid === null ? [] : [`  pid   ${output.pid}`]),
      ...(output.ends_with === null ? [] : [`  ends with process ${output.ends_with}`]),
      `  ${output.purpose}: ${output.outdated_libraries.join(" and ")} inside it get no security fixes`,
      "",
    ].join("\n"),
});
