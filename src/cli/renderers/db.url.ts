/** The connection string alone, so that a shell can put it into a command. */
import type operation from "../../operations/db.url.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({ result: ({ url }) => `${url}\n` });
