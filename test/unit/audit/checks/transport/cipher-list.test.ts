/** What a cipher string of OpenSSL lets in. */
import { describe, expect, it } from "vitest";
import { DEFAULT_CIPHERS, GOOD_CIPHERS, weakParts } from "../../../../../src/audit/checks/transport/cipher-list.ts";

describe("a cipher string", () => {
  it.each([
    ["ALL", ["ALL"]],
    ["ALL:!aNULL", ["ALL"]],
    ["HIGH:aNULL", ["aNULL"]],
    ["HIGH:eNULL:NULL", ["eNULL", "NULL"]],
    ["HIGH, RC4 SEED", ["RC4", "SEED"]],
    ["HIGH:RC4-SHA:DES-CBC3-SHA", ["RC4-SHA", "DES-CBC3-SHA"]],
    ["HIGH:ADH-AES128-SHA:ECDHE-RSA-RC4-SHA", ["ADH-AES128-SHA", "ECDHE-RSA-RC4-SHA"]],
    ["TLS_RSA_WITH_3DES_EDE_CBC_SHA", ["TLS_RSA_WITH_3DES_EDE_CBC_SHA"]],
    ["kRSA+3DES", ["kRSA+3DES"]],
    ["HIGH:@SECLEVEL=0", ["@SECLEVEL=0"]],
    ["HIGH:@SECLEVEL=1", ["@SECLEVEL=1"]],
    ["MEDIUM", ["MEDIUM"]],
    ["LOW:EXP", ["LOW", "EXP"]],
    [DEFAULT_CIPHERS, ["MEDIUM"]],
  ])("%s admits %j", (list, weak) => {
    expect(weakParts(list)).toEqual(weak);
  });

  it.each([
    "HIGH:!aNULL:!MD5:!3DES",
    "HIGH:!aNULL:!eNULL:!RC4:-SEED:+3DES",
    "HIGH:RC4:!RC4",
    "ALL:!aNULL:!MEDIUM:!LOW:!EXP",
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305",
    "HIGH:@SECLEVEL=2",
    "HIGH:@STRENGTH",
    "ECDHE+AES:DHE+AES",
    GOOD_CIPHERS,
    "",
  ])("%s admits nothing weak", (list) => {
    expect(weakParts(list)).toEqual([]);
  });
});
