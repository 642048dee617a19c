/** Svix, symmetric form (v1): see standard.ts. */
import { defineSignature } from "./signature.ts";
import { checkStandardSecret, signStandard, verifyStandard } from "./standard.ts";

export default defineSignature({
  name: "svix",
  summary: "Svix: svix-id, svix-timestamp, svix-signature",
  options: (z) => z.strictObject({}),
  checkSecret: checkStandardSecret,
  sign: (request, secrets) => signStandard(request, secrets, "svix"),
  verify: verifyStandard,
});
