/** A further directory for libraries, beside a path that the server always has. */
import check from "../../../../../src/audit/checks/practices/ver-012-library-paths.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  wrong: (major) => ({
    dynamic_library_path: "$libdir:/opt/more",
    ...(major >= 18 ? { extension_control_path: "$system:/opt/more" } : {}),
  }),
  finds: (major) => ["dynamic_library_path", ...(major >= 18 ? ["extension_control_path"] : [])],
  right: { dynamic_library_path: "$libdir", jit_provider: "llvmjit" },
  blind: ["plain"],
});
