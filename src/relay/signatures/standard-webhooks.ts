/** Standard Webhooks, symmetric form (v1): see standard.ts. */
import { defineSignature } from "./signature.ts";
import { checkStandardSecret, signStandard, verifyStandard } from "./standard.ts";

export default defineSignature({
  name: "standard-webhooks",
  summary: "Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature",
  options: (z) => z.strictObject({}),
  checkSecret: checkStandardSecret,
  sign: (request, secrets) => signStandard(request, secrets, "webhook"),
  verify: verifyStandard,
});
