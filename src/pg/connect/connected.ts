/**
 * The event that names the server a command ended up on. Surfaces make the target of their documents from it, so every
 * operation that opens a session on its target reports it once, as soon as the session is there.
 */
import type { ProgressEvent } from "../../base/operation.ts";
import type { Session } from "../session.ts";

/** Nothing in it is secret. */
export function connectedEvent(session: Session): ProgressEvent {
  const { host, port, user, database, tls } = session.target;
  const server_version = session.parameterStatus("server_version");
  return { type: "connected", host, port, user, database, server_version, tls };
}
