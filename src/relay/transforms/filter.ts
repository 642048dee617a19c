/** Leaves out messages for which a JMESPath expression is false. They count as delivered: leaving them out was the wish. */
import { compileExpression, expressionProblem, isFalsy } from "./expression.ts";
import { defineTransform } from "./transform.ts";

export default defineTransform({
  name: "filter",
  summary: "Delivers only messages for which a JMESPath expression is true",
  rank: 20,
  options: (z) =>
    z
      .string()
      .superRefine((text, issue) => {
        const message = expressionProblem(text);
        if (message) issue.addIssue({ code: "custom", message });
      })
      .meta({
        description:
          "JMESPath expression; null, false, 0, empty text, empty list and empty object leave the message out",
      }),
  prepare(text) {
    const expression = compileExpression(text);
    return (message) => (isFalsy(expression.value(message)) ? undefined : message);
  },
});
