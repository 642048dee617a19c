/** Finds an operation by name. The one place where its exact types are given up for the common shape. */
import { type Catalogue, catalogueOf } from "../base/catalogue.ts";
import type { Operation } from "../base/operation.ts";
import { index } from "./index.ts";

// Each member is an Operation with its own input type; callers here validate input before they run one.
const operations: Catalogue<Operation> = catalogueOf<Operation>(index, {
  kind: "operation",
  unknown: "USAGE_UNKNOWN_NAME",
});

export const operationNames = (): string[] => operations.names();

/** Throws USAGE_UNKNOWN_NAME. */
export const loadOperation = (name: string): Promise<Operation> => operations.load(name);
