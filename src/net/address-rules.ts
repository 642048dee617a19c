/** What the operator of the host permits to be dialled: the upper bound of every policy. */
export interface AddressRules {
  /** Networks (CIDR) and host names that may be dialled though they are private. Default: none. */
  readonly allow: readonly string[];
}
