/**
 * The least a Node program can do: read the files, connect with the driver, send one message. What pgkeep is measured
 * against for small projects.
 */
import { readFileSync } from "node:fs";
import pg from "pg";

const [list] = process.argv.slice(2);
const files = readFileSync(list, "utf8").trim().split("\n");
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query(`begin;\n${files.map((file) => readFileSync(file, "utf8")).join("\n")}\ncommit;`);
await client.end();
