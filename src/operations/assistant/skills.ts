/** Short guides for assistants that write or run projects. One entry per question somebody has. */

export interface Skill {
  name: string;
  about: string;
  text: string;
}

export const SKILLS: readonly Skill[] = [
  {
    name: "project-layout",
    about: "which files make a project and what happens to each",
    text: `A project is a directory with a file named deploy.sql. Every other regular file in it is loaded into the
session: SQL files appear in pg_temp.pgmi_plan_view, all of them in pg_temp.pgmi_source_view. Names that begin
with a dot are left out. Files below __test__ or __tests__ are tests and appear only in the test views; every other
name of the form __name__ is refused. Nothing runs because it lies somewhere: deploy.sql decides.`,
  },
  {
    name: "deploy-script",
    about: "how to write deploy.sql",
    text: `Put everything that belongs together between BEGIN and COMMIT: it is applied completely or not at all.
A loop over pg_temp.pgmi_plan_view, ordered by execution_order, with EXECUTE of the content column runs the files in
their planned order. Wrap each EXECUTE so that an error names its file: RAISE EXCEPTION 'Failed in %: %'.
Statements that cannot run in a transaction (CREATE INDEX CONCURRENTLY, VACUUM) stand after the COMMIT; each of them
is its own transaction. psql commands such as \\i do not exist here.`,
  },
  {
    name: "tests",
    about: "how tests gate a deploy",
    text: `A test is an SQL file below __test__ that raises an exception when something is wrong. _setup.sql in the
same directory is its fixture and runs first; fixtures of parent directories run before it. Every test starts from
the state its fixtures left, and what it changed is undone. Write CALL pgmi_test(); inside the transaction of
deploy.sql, before COMMIT: a failing test then rolls the whole deploy back. Without any test the call fails, so that
a gate is never silently empty. pgkeep test runs the tests alone and keeps nothing.`,
  },
  {
    name: "parameters",
    about: "how values reach the SQL, and how secrets stay secret",
    text: `Parameters come from pgmi.yaml, then --params-file, then --param; later ones win. SQL reads them as
current_setting('pgmi.key', true) or from pg_temp.pgmi_parameter_view; keys are lower case. Keep secrets out of
--param, because arguments show in process lists and CI logs: use a params file with mode 0600. The program never
prints a value, but your SQL can: do not RAISE a secret.`,
  },
  {
    name: "metadata",
    about: "ordering files and giving them an identity",
    text: `A block comment with a <pgmi-meta> element at the start of a file gives it an id, whether it may run again
(idempotent), a description and sort keys. Files run in byte order of their sort keys; a file with several keys runs
once for each. A file without the block sorts by its path. pgkeep metadata scaffold writes missing blocks,
pgkeep metadata validate finds duplicates, pgkeep metadata plan shows the order.`,
  },
  {
    name: "failures",
    about: "reading an error and knowing what state the database is in",
    text: `Read STATE first: it says whether anything was changed. CODE is stable; pgkeep explain CODE tells what it
means. Exit 13 is the project's SQL or a test, 10 is configuration, 11 the connection, 15 another deploy at the same
time, 16 the timeout. With --json the same parts are keys of one object. Only codes marked retryable can succeed
without a change.`,
  },
  {
    name: "pipelines",
    about: "running a deploy in CI",
    text: `Name the target in full (host, database) so that a lost variable fails instead of choosing another server.
Give the password as PGPASSWORD or a password file. Use --json and branch on exitCode, or -o junit=FILE for the
test report. --overwrite drops the database: it needs --force without a terminal and belongs to disposable
databases only. One deploy at a time: a second one ends with exit 15 and may be repeated.`,
  },
  {
    name: "roles",
    about: "who owns, who migrates and who only uses",
    text: `Let a NOLOGIN role own the schema, a migration role with LOGIN be a member of it, and the application log
in as a third role with only the grants it needs. deploy.sql begins with SET ROLE to the owner, so that every object
belongs to it whoever deploys. Revoke CREATE on schema public from public. Never deploy as a superuser.`,
  },
];

export interface Client {
  language: string;
  text: string;
}

/** How a program in another language runs a deploy: as a process whose JSON it reads. */
export const CLIENTS: readonly Client[] = [
  {
    language: "typescript",
    text: `import { deploy, PgkeepError } from "pgkeep";

try {
  const report = await deploy.run({ path: "./shop", connection: process.env.DATABASE_URL });
  console.log(report.filesLoaded);
} catch (error) {
  if (error instanceof PgkeepError) console.error(error.code, error.parts.state);
  throw error;
}`,
  },
  {
    language: "python",
    text: `import json, subprocess

run = subprocess.run(["pgkeep", "deploy", "./shop", "--json"], capture_output=True, text=True)
report = json.loads(run.stdout)
if report["exitCode"] != 0:
    raise RuntimeError(report["error"])`,
  },
  {
    language: "go",
    text: `out, err := exec.Command("pgkeep", "deploy", "./shop", "--json").Output()
var report struct {
	ExitCode int    \`json:"exitCode"\`
	Error    string \`json:"error"\`
}
if jsonErr := json.Unmarshal(out, &report); jsonErr != nil {
	return errors.Join(err, jsonErr)
}`,
  },
  {
    language: "csharp",
    text: `var start = new ProcessStartInfo("pgkeep", ["deploy", "./shop", "--json"]) { RedirectStandardOutput = true };
using var process = Process.Start(start)!;
using var report = JsonDocument.Parse(await process.StandardOutput.ReadToEndAsync());
await process.WaitForExitAsync();
var exitCode = report.RootElement.GetProperty("exitCode").GetInt32();`,
  },
  {
    language: "rust",
    text: `let output = std::process::Command::new("pgkeep").args(["deploy", "./shop", "--json"]).output()?;
let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
let exit_code = report["exitCode"].as_i64();`,
  },
];
