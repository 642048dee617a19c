/** What `db stop` ended. */
import type operation from "../../operations/db.stop.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ stopped, pid }) =>
    stopped ? `stopped PostgreSQL (pid ${pid}), its data is kept\n` : "nothing was running\n",
});
