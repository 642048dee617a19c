/** The verifier alone, so that a shell can put it into a command or a file. */
import type operation from "../../operations/access.password.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ verifier }) => `${verifier}\n`,
  progress: (event) =>
    event.type === "access.password_not_ascii"
      ? "warning: the password holds characters outside ASCII; clients that do not prepare them alike cannot log in with it"
      : undefined,
});
