/** TLS-012. */
import tls012 from "../../../../../src/audit/checks/transport/tls-012-subscription-unverified.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const subscription = (name: string, conninfo: string): string =>
  `create subscription ${name} connection '${conninfo.replaceAll("'", "''")}' publication p with (connect = false)`;

export default defineCase({
  check: tls012,
  defect: [
    subscription(`"Sub ""1"""`, "host=db.example.org dbname=x password=s3cret sslmode=require"),
    subscription("lab_bare", "host=db.example.org dbname=x"),
    subscription("lab_feint", "host=db.example.org dbname=x password='a sslmode=verify-full b'"),
    subscription("lab_uri", "postgresql://u:pw@db.example.org:5433/x?sslmode=prefer"),
  ].join("; "),
  finds: [`"Sub ""1"""`, "lab_bare", "lab_feint", "lab_uri"],
  lookAlike: [
    subscription("lab_good", "host=db.example.org dbname=x sslmode='verify-full'"),
    subscription("lab_uri", "postgresql://u:pw@db.example.org/x?connect_timeout=5&sslmode=verify-ca"),
    subscription("lab_near", "host=localhost dbname=x"),
    subscription("lab_socket", "host=/var/run/postgresql dbname=x"),
  ].join("; "),
  cure: [`"Sub ""1"""`, "lab_bare", "lab_feint", "lab_uri"]
    .map((name) => `alter subscription ${name} connection 'host=db.example.org dbname=x sslmode=verify-full'`)
    .join("; "),
  blind: ["auditor", "plain"],
});
