/** A document for programs: JSON whether asked for or not. */
import { defineRenderer } from "../renderer.ts";

export default defineRenderer<unknown>({ result: (output) => `${JSON.stringify(output, null, 2)}\n` });
