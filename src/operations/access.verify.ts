/** `pgkeep access verify`: proves on the server that each role can do what the model says, and nothing more. */
import { randomInt } from "node:crypto";
import { resolve } from "node:path";
import type { AccessModel } from "../access/model/model.ts";
import { inspectFor } from "../access/plan/inspect-for.ts";
import type { OpenLogin } from "../access/verify/logins.ts";
import { verifyAccess } from "../access/verify/verify.ts";
import { assert } from "../base/assert.ts";
import { defineOperation, type OperationContext } from "../base/operation.ts";
import { Secret } from "../base/secrets.ts";
import { tameLine } from "../base/tame.ts";
import { settingsFields } from "../config/input.ts";
import { DEFAULT_SECRET_ROOTS, resolveReferences } from "../config/references.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { openSession } from "../pg/connect/open.ts";
import { type ResolvedConnection, resolveConnection } from "../pg/connect/resolve.ts";
import { loadModel, modelField } from "./access/model-file.ts";
import { serverFor } from "./access/planning.ts";
import { secretRootField } from "./access/secret-input.ts";
import { VERIFY_STATE, verifyExitCode, verifySchema } from "./access/verify-document.ts";

/** Seeds are 32 bits. */
const SEEDS = 2 ** 32;

export default defineOperation({
  name: "access.verify",
  summary: "Prove what each role can and cannot do",
  description:
    "Tries, as every role of the model, what it must be able to do and what it must not, on every table, sequence, routine " +
    "and schema that the model governs, and on the server. Everything happens in one transaction that is rolled back; what " +
    "cannot be tried without an effect is asked of the catalog and marked computed. Ends with 20 when a probe fails, and " +
    "with --strict with 21 when one could not be answered.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "access verify",
    positionals: ["model?"],
    formats: ["tap", "junit", "github"],
    exitCodes: [10, 11, 13, 16, 20, 21, 130],
    examples: [
      { line: "pgkeep access verify", does: "verify the database that access.yaml names" },
      { line: "pgkeep access verify access.yaml --strict -o junit=access.xml", does: "in a pipeline" },
      {
        line: "pgkeep access verify --sample 20 --seed 7",
        does: "20 objects of each kind per schema, the same each time",
      },
    ],
  },
  input: (z) =>
    z.strictObject({
      ...modelField(z),
      sample: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .meta({ description: "Probe only so many objects of each kind per schema", valueName: "N", group: "what" }),
      seed: z
        .int()
        .min(0)
        .max(SEEDS - 1)
        .optional()
        .meta({ description: "Choose the same sample again", valueName: "N", group: "what" }),
      call: z
        .boolean()
        .optional()
        .meta({ description: "Call the routines that the model lists, and roll back", group: "what" }),
      strict: z
        .boolean()
        .optional()
        .meta({ description: "Count what could not be answered as a finding", group: "safety" }),
      ...secretRootField(z),
      ...settingsFields(z),
      ...connectionFields(z),
    }),
  output: (z) => verifySchema(z),
  exitCode: (output) => verifyExitCode(output),
  run: async (input, context) => {
    const model = await loadModel(input.model, context);
    const logins = await loginsOf(model, input.secretRoot, context);
    const server = await serverFor(model, input, context);
    await using session = await server.open();
    const snapshot = await inspectFor(model, session);
    const sample =
      input.sample === undefined ? undefined : { size: input.sample, seed: input.seed ?? randomInt(SEEDS) };
    const report = await verifyAccess(
      session,
      { model, snapshot },
      {
        signal: context.signal,
        sample,
        call: input.call,
        openLogin: logins.size > 0 ? opener(logins, context) : undefined,
        report: (event) => context.report(event),
      },
    );
    return { ...report, strict: input.strict ?? false, state: VERIFY_STATE };
  },
});

/** The connections of `verify.logins`, resolved before anything is connected to. */
async function loginsOf(
  { verify }: AccessModel,
  roots: readonly string[] | undefined,
  context: OperationContext,
): Promise<ReadonlyMap<string, ResolvedConnection>> {
  const { workingDirectory, environment } = context;
  const secretRoots = roots?.map((root) => resolve(workingDirectory, root)) ?? DEFAULT_SECRET_ROOTS;
  const logins = new Map<string, ResolvedConnection>();
  for (const [role, written] of verify.logins) {
    const of = `the login of role "${tameLine(role)}"`;
    const string = new Secret(await resolveReferences(written, { environment, secretRoots, of }));
    const sources = {
      environment: {},
      workingDirectory,
      signal: context.signal,
      clock: context.clock,
      applicationName: "pgkeep",
    };
    logins.set(role, await resolveConnection({ connection: string.expose() }, sources));
  }
  return logins;
}

function opener(logins: ReadonlyMap<string, ResolvedConnection>, { signal, clock }: OperationContext): OpenLogin {
  return async (role, database) => {
    const connection = logins.get(role);
    assert(connection !== undefined, "every login of the model has its connection");
    const settings = { ...connection.settings, database: database ?? connection.database };
    return await openSession(settings, { signal, clock });
  };
}
