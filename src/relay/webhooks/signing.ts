/**
 * The signature settings of webhook pipelines, in the forms that configurations have: `signature: {...}` with any scheme
 * of the catalogue, and pg_tide's flat keys.
 */
import type { ZodNamespace } from "../../base/operation.ts";
import { ConnectorFailure } from "../failures.ts";
import { index } from "../signatures/index.ts";
import { names } from "../signatures/names.ts";
import { type SignatureDefinition, SignatureFailure } from "../signatures/signature.ts";

/** 300 s either way: what Stripe, Slack and Standard Webhooks say. */
export const DEFAULT_TOLERANCE_SECONDS = 300;
/** 8 secrets: a rotation needs two. */
const MAX_SECRETS = 8;

/** `signature: {...}` without what is a receiver's alone. */
export function signatureFields(z: ZodNamespace) {
  return {
    scheme: z.enum(names).meta({ description: "Signature scheme" }),
    secret: z.string().min(1).optional().meta({ description: "Secret or key, as a reference", secret: true }),
    secrets: z
      .array(z.string().min(1).meta({ secret: true }))
      .min(1)
      .max(MAX_SECRETS)
      .optional()
      .meta({ description: "Several secrets during a rotation, the new one first", secret: true }),
    header: z.string().optional().meta({ description: "Header of hmac-sha256, default X-Signature-256" }),
    style: z.string().optional().meta({ description: "Style of ed25519: v1a or discord" }),
  };
}

export interface SignatureSettings {
  scheme: (typeof names)[number];
  secret?: string | undefined;
  secrets?: readonly string[] | undefined;
  header?: string | undefined;
  style?: string | undefined;
}

export interface OpenSignature {
  definition: SignatureDefinition;
  secrets: readonly string[];
  options: Record<string, unknown>;
}

/** Loads the scheme and checks its options and every secret. Throws ConnectorFailure, class invalid_config, without the secret. */
export async function openSignature(settings: SignatureSettings, use: "sign" | "verify"): Promise<OpenSignature> {
  const { scheme, secret, secrets = secret === undefined ? [] : [secret], header, style } = settings;
  const { default: definition } = await index[scheme]();
  if (secrets.length === 0) throw invalid(`signature scheme ${scheme} has no secret`);
  if (settings.secret !== undefined && settings.secrets !== undefined) {
    throw invalid("give signature.secret or signature.secrets, not both");
  }
  if (definition[use] === undefined) throw invalid(`signature scheme ${scheme} cannot ${use}`);
  const { z } = await import("zod");
  const given = Object.fromEntries(Object.entries({ header, style }).filter(([, value]) => value !== undefined));
  const options = definition.options(z).safeParse(given);
  if (!options.success) {
    const fields = options.error.issues.map(({ path, message }) => `signature.${path.join(".")}: ${message}`);
    throw invalid(`signature scheme ${scheme}: ${fields.join("; ")}`);
  }
  for (const one of secrets) checkSecret(definition, one, use);
  return { definition, secrets, options: options.data };
}

function checkSecret(definition: SignatureDefinition, secret: string, use: "sign" | "verify"): void {
  try {
    definition.checkSecret(secret, use);
  } catch (error) {
    if (!(error instanceof SignatureFailure)) throw error;
    throw invalid(`a secret of signature scheme ${definition.name} cannot work: ${error.message}`);
  }
}

function invalid(message: string): ConnectorFailure {
  return new ConnectorFailure("invalid_config", message);
}
