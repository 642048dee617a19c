/** The text that assistants get: what the program is for, what to run, and where the rest stands. */
import { SKILLS } from "./skills.ts";

export function setupText(): string {
  return [
    "# SQL projects with pgkeep",
    "",
    "A project is a directory of SQL files, run against PostgreSQL by pgkeep. `deploy.sql` decides what runs; everything",
    "before its first COMMIT happens completely or not at all, and the project's tests (`CALL pgmi_test()`) are the gate.",
    "",
    "- Look before you run: `pgkeep plan .` lists what would be loaded, in order, and connects nowhere.",
    "- Try a change: `pgkeep test . -d DATABASE --with-deploy` runs deploy.sql and all tests, then rolls back.",
    "- Run it: `pgkeep deploy . -d DATABASE`. Read STATE of a failure first: it says what the database is like now.",
    "- `pgkeep explain CODE` explains an error; `--json` gives every result as one document.",
    "- `--overwrite` drops the database. Never use it, or `--force`, unless the person asked for exactly that.",
    "- Never write a password into a file of the project or an argument; use PGPASSWORD or a password file.",
    "",
    "Guides, by name: `pgkeep ai skill NAME`",
    "",
    ...SKILLS.map(({ name, about }) => `- ${name}: ${about}`),
    "",
    "`pgkeep ai contract` prints the views and functions that deploy.sql sees, as JSON.",
    "",
  ].join("\n");
}
