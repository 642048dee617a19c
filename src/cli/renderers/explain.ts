/** An explanation as text: the code, the sentences, then how it ends; or a check. */
import type operation from "../../operations/explain.ts";
import { defineRenderer } from "../renderer.ts";
import { checkText } from "./check-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: ({ code, exit_code, retryable, explanation, docs, check }) =>
    check
      ? checkText(check)
      : [
          code,
          explanation,
          "",
          `exit status  ${exit_code}`,
          `retryable    ${retryable ? "yes, the same command can succeed later" : "no, something has to change first"}`,
          `more         ${docs}`,
          "",
        ].join("\n"),
});
