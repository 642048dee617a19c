/** What `db reset` removed. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/db.reset.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ removed }) => (removed === null ? "there was nothing to remove\n" : `removed ${tameLine(removed)}\n`),
});
