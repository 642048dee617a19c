/** The text as it stands. */
import { defineRenderer } from "../renderer.ts";

export default defineRenderer<{ text: string }>({ result: ({ text }) => (text.endsWith("\n") ? text : `${text}\n`) });
