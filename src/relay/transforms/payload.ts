/** Replaces the payload with the value of a JMESPath expression. Numbers that only pass through stay exact. */
import { compileExpression, expressionProblem } from "./expression.ts";
import { defineTransform } from "./transform.ts";

export default defineTransform({
  name: "payload",
  summary: "Replaces the payload with the value of a JMESPath expression",
  rank: 30,
  options: (z) =>
    z
      .string()
      .superRefine((text, issue) => {
        const message = expressionProblem(text);
        if (message) issue.addIssue({ code: "custom", message });
      })
      .meta({ description: "JMESPath expression over the payload" }),
  prepare(text) {
    const expression = compileExpression(text);
    return (message) => ({ ...message, payload: expression.json(message) });
  },
});
