/** ROL-010. */
import check from "../../../../../src/audit/checks/database/rol-010-trivial-password.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

/** The server hashes what these cases give in clear, so verifiers are the server's own. */
const setUp = (encryption: "md5" | "scram-sha-256"): string => `
    set local password_encryption = '${encryption}';
    create role "Shop Keeper" login password 'Shop Keeper';
    create role lab_word login password 'changeme';
    create role lab_group password '123456'`;

const lookAlike = (encryption: "md5" | "scram-sha-256"): string => `
    set local password_encryption = '${encryption}';
    create role lab_good login password 'changeme-4b1f';
    create role lab_other login password 'lab_goo';
    create role lab_none login`;

const cure = `
    alter role "Shop Keeper" password 'b71e4c0a9d';
    alter role lab_word password 'c0a9db71e4';
    alter role lab_group password null`;

const finds = [`"Shop Keeper"`, "lab_word", "lab_group"];

export default (["md5", "scram-sha-256"] as const).map((encryption) =>
  defineCase({
    check,
    blind: ["auditor", "plain"],
    defect: setUp(encryption),
    finds,
    lookAlike: lookAlike(encryption),
    cure,
  }),
);
