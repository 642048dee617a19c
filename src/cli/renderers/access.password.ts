/** The verifier alone, so that a shell can put it into a command or a file; with a role nothing but what became of it. */
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/access.password.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ verifier }) => (verifier === undefined ? "" : `${verifier}\n`),
  summary: ({ role, outcome }, { ascii }) => {
    if (role === undefined) return undefined;
    const done = outcome === "not set" ? "nothing was changed (--dry-run)" : `password ${outcome}`;
    return `${ascii ? "ok" : "✓"} role "${tameLine(role)}": ${done}`;
  },
  progress: (event) =>
    event.type === "access.password_not_ascii"
      ? "warning: the password holds characters outside ASCII; clients that do not prepare them alike cannot log in with it"
      : undefined,
});
