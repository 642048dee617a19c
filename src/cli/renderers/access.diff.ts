/** Differences between a database and its model as text. */
import type operation from "../../operations/access.diff.ts";
import { defineRenderer } from "../renderer.ts";
import { differenceRenderer } from "./access-difference-text.ts";

export default defineRenderer<Awaited<ReturnType<(typeof operation)["run"]>>>(differenceRenderer);
