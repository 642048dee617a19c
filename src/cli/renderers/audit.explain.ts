/** A check as text. */
import type operation from "../../operations/audit.explain.ts";
import { defineRenderer } from "../renderer.ts";
import { checkText } from "./check-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({ result: checkText });
