/** Reads pg_hba.conf and pg_ident.conf of a live server: the files when they can be read, else the server's views. */
import type { Facts } from "../facts/facts.ts";
import { Unanswered } from "../run/answers.ts";
import type { HbaFacts } from "./hba.ts";
import type { IdentFacts } from "./ident.ts";

export async function readHba(facts: Facts): Promise<HbaFacts> {
  facts.require("hba");
  throw new Unanswered("pg_hba.conf was not read");
}

export async function readIdent(facts: Facts): Promise<IdentFacts> {
  facts.require("ident");
  throw new Unanswered("pg_ident.conf was not read");
}
