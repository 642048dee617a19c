/**
 * Deploys a project from a program instead of the command line, with progress and a time limit.
 *
 *   DATABASE_URL=postgresql://deployer@db.example.com/shop node examples/library/deploy.mjs ./shop
 */
import { deploy, PgkeepError } from "pgkeep";

const [path = "."] = process.argv.slice(2);

try {
  const report = await deploy.run(
    { path },
    {
      // A program says itself which variables may choose the database; the default is none.
      environment: { DATABASE_URL: process.env.DATABASE_URL },
      signal: AbortSignal.timeout(5 * 60_000),
      onProgress: (event) => console.error(event.type),
    },
  );
  const passed = report.tests?.filter(({ result }) => result === "passed").length ?? 0;
  console.log(`${report.database}: ${report.filesLoaded} files, ${passed} tests passed`);
} catch (error) {
  if (!(error instanceof PgkeepError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  console.error(error.parts.state ?? "");
  process.exitCode = error.exit;
}
