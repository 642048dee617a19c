/** NET-038. A fresh server has the value 0, so one for all login roles is what looks alike. */
import net038 from "../../../../../src/audit/checks/network/net-038-idle-transactions.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const FOR_POSTGRES = "alter role postgres set idle_in_transaction_session_timeout = '5min'";

export default [
  defineCase({
    check: net038,
    wrong: { idle_in_transaction_session_timeout: "0" },
    finds: ["idle_in_transaction_session_timeout"],
    right: { idle_in_transaction_session_timeout: "10min" },
  }),
  defineCase({
    check: net038,
    defect: `${FOR_POSTGRES}; create role app login; alter role app set idle_in_transaction_session_timeout = 0;
             create role web login; alter role web in database postgres set idle_in_transaction_session_timeout = 9`,
    finds: ["idle_in_transaction_session_timeout"],
    lookAlike: `${FOR_POSTGRES}; create role app login; alter role app set idle_in_transaction_session_timeout = '1h';
                create role grouped nologin`,
    cure: "alter role all set idle_in_transaction_session_timeout = '1h'",
  }),
  defineCase({
    check: net038,
    majors: [17, 18],
    wrong: { transaction_timeout: "0" },
    finds: ["idle_in_transaction_session_timeout"],
    right: { transaction_timeout: "1h" },
  }),
];
