/** What happened to the files of assistants: the list as it is, and what to do about those left alone. */
import { defineRenderer } from "../renderer.ts";

export default defineRenderer<{ files: readonly { action: string }[] }>({
  summary: ({ files }, { program }) =>
    files.some(({ action }) => action === "left_alone")
      ? `changed by hand and left alone; ${program} ai setup --force replaces them`
      : undefined,
});
