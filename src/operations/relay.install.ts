/** `pgkeep relay install`: makes schema tide in a database, or brings it to this version. */
import { PgkeepError } from "../base/errors.ts";
import { defineOperation, type OperationContext } from "../base/operation.ts";
import { settingsFields } from "../config/input.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { ident } from "../pg/identifiers.ts";
import { ServerError, type Session } from "../pg/session.ts";
import { countAdopted } from "../relay/schema/adopted.ts";
import { type InstallReport, type InstallRequest, installSchema } from "../relay/schema/install.ts";
import { inOurWords } from "./relay/tide.ts";
import { serverOf } from "./server/connect.ts";
import { buildFacts } from "./version.ts";

export default defineOperation({
  name: "relay.install",
  summary: "Make or upgrade schema tide, where events are kept",
  description:
    "Outboxes, inboxes and pipelines are tables and functions of one schema, plain SQL: no extension and no superuser is " +
    "needed, only the right to create a schema. All missing migrations run in one transaction, so a failure leaves " +
    "nothing behind; two installs at once wait for each other. A schema that the extension pg_tide made is taken over " +
    "with its data, after a question; a schema tide of anybody else is left alone. A superuser's install gives the " +
    "schema to a role that cannot log in.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "relay install",
    exitCodes: [10, 11, 12, 13, 130],
    examples: [
      { line: "pgkeep relay install -d shop", does: "make the schema, or upgrade it" },
      { line: "pgkeep relay install -d shop --roles", does: "also roles for applications, relays and monitoring" },
      { line: "pgkeep relay install -d shop --dry-run", does: "say which migrations would run" },
      { line: "pgkeep relay install -d shop --owner shop_owner", does: "the schema belongs to that role" },
    ],
  },
  input: (z) => {
    const flag = (description: string, group: string) => z.boolean().optional().meta({ description, group });
    return z.strictObject({
      owner: z.string().min(1).optional().meta({
        description: "Role that owns the schema; made without login when missing",
        valueName: "ROLE",
        group: "what",
      }),
      roles: flag("Also make tide_admin, tide_publisher, tide_relay, tide_operator and tide_reader", "what"),
      yes: flag("Take over a schema of the extension pg_tide without asking", "safety"),
      dryRun: flag("Say what would be done and do nothing", "safety"),
      ...settingsFields(z),
      ...connectionFields(z),
    });
  },
  output: (z) =>
    z.strictObject({
      outcome: z.enum(["made", "adopted", "upgraded", "current"]).meta({
        description:
          "made: there was none; adopted: it was pg_tide's; upgraded: it was older; current: none was missing",
      }),
      dry_run: z.boolean(),
      database: z.string(),
      owner: z.string().meta({ description: "Role that owns the schema" }),
      migrations: z.array(z.string()).meta({ description: "Files that ran, or would run" }),
      roles: z.boolean().meta({ description: "Whether the roles were made or checked, or would be" }),
      adopted: z
        .strictObject({
          outboxes: z.int(),
          events: z.int(),
          consumer_groups: z.int(),
          inboxes: z.int(),
          pipelines: z.int(),
          positions: z.int(),
          dead_letters: z.int(),
        })
        .nullable()
        .meta({ description: "What was taken over from pg_tide, or would be; null: nothing was there" }),
      version: z.string().meta({ description: "What tide.version() says afterwards" }),
    }),
  run: async ({ owner, roles, yes = false, dryRun = false, ...request }, context) => {
    const server = await serverOf(request, context);
    const { database } = server.connection;
    const { version } = buildFacts();
    await using session = await server.open();
    const wanted: InstallRequest = { owner, roles, version };
    const planned = await inOurWords(session, () => installSchema(session, { ...wanted, dryRun: true }));
    const adopted = planned.outcome === "adopted" ? await countAdopted(session) : null;
    if (!dryRun && planned.outcome === "adopted" && !yes) await askToAdopt(database, context);
    // Somebody else may have installed since the look; then nothing is left to do.
    const { migrations, ...report } = dryRun ? planned : await install(session, wanted);
    return { ...report, migrations: [...migrations], dry_run: dryRun, database, adopted, version };
  },
});

/** What a role may lack here is not what the other commands need: it makes things. */
async function install(session: Session, wanted: InstallRequest): Promise<InstallReport> {
  try {
    return await installSchema(session, wanted);
  } catch (error) {
    if (!(error instanceof ServerError) || error.sqlstate !== "42501")
      return await inOurWords(session, () => Promise.reject(error));
    const { user, database } = session.target;
    throw new PgkeepError("RELAY_RIGHT_MISSING", error.message, {
      detail: error.detail,
      hint:
        error.hint ??
        `An install needs CREATE on the database (grant create on database ${ident(database)} to ${ident(user)}), and CREATEROLE where it makes a role (--owner, --roles).`,
      sqlstate: error.sqlstate,
      state: "nothing was changed",
      cause: error,
    });
  }
}

async function askToAdopt(database: string, { prompt }: OperationContext): Promise<void> {
  if (!prompt) {
    throw new PgkeepError("RELAY_ADOPTION_UNAPPROVED", `taking over schema tide of "${database}" was not approved`, {
      detail: "The extension pg_tide made it. Its tables and rows stay; its functions are replaced, and it is dropped.",
      hint: "Stop its relays, look at it with --dry-run, then approve it with --yes.",
      state: "nothing was changed",
    });
  }
  const question = `Take schema tide of "${database}" over from the extension pg_tide? Its rows stay, the extension goes.`;
  if (await prompt.confirm(question)) return;
  throw new PgkeepError("CANCELLED", "the schema was not taken over", { state: "nothing was changed" });
}
