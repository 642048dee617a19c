/** psql writes for itself; nothing is added to what it said. */
import type operation from "../../operations/db.psql.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({ result: () => "" });
