/**
 * The jars of an Apache Kafka broker, fetched once from Maven Central with their checksums into a cache outside of the
 * repository, when java and mvn are there.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export const KAFKA_VERSION = "4.1.0";

/** 150 s: 43 MB over a slow line; later runs take them from the cache. */
const FETCH_TIMEOUT_MS = 150_000;

const PROJECT = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>broker-files</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;

/** The folder of jars, or why there is none. */
export function kafkaFiles(): { folder: string } | { reason: string } {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "pgkeep-tests");
  const folder = join(cache, `kafka-${KAFKA_VERSION}`);
  if (!runs("java", "-version")) return { reason: "java is not installed, so there is no Kafka broker" };
  if (hasBroker(folder)) return { folder };
  if (!runs("mvn", "--version")) return { reason: "mvn is not installed and the jars of Kafka are not in the cache" };
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "fetch-"));
  try {
    writeFileSync(join(work, "pom.xml"), PROJECT);
    const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${join(work, "jars")}`, "-DincludeScope=runtime"];
    spawnSync("mvn", ["-q", "-B", "-C", ...goal], { cwd: work, stdio: "ignore", timeout: FETCH_TIMEOUT_MS });
    if (!hasBroker(join(work, "jars"))) return { reason: "the jars of Kafka could not be fetched from Maven Central" };
    // Another run may have been faster.
    if (!hasBroker(folder)) renameSync(join(work, "jars"), folder);
    return { folder };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function hasBroker(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).includes(`kafka_2.13-${KAFKA_VERSION}.jar`);
}

function runs(program: string, question: string): boolean {
  return spawnSync(program, [question], { stdio: "ignore" }).status === 0;
}
