/**
 * Leaves tests out where something is missing, with the reason, which `npm test` prints. A skip without one fails there.
 *
 *   beforeEach(needs(isRoot, "only root can change accounts"));
 */
export function needs(isThere: boolean, reason: string): (context: { skip: (note: string) => void }) => void {
  return (context) => {
    if (!isThere) context.skip(reason);
  };
}

/** Only root can change to other accounts and give files away. */
export const needsRoot = needs(process.getuid?.() === 0, "only root can act as another account");
