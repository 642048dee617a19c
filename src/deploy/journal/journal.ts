/** The journal that a deploy is given. Imported with the operation: in files of their own its parts took 2 ms more to load. */
import type { OperationContext } from "../../base/operation.ts";
import type { RunJournal } from "../run/deploy.ts";
import { endedLine, projectChecksum } from "./record.ts";
import { beginRecord, type OpenRecord } from "./write.ts";

/** Records one run in the person's own directory. What goes wrong with that is a warning. */
export function journalOf({ environment, clock, report }: OperationContext): RunJournal {
  let open: OpenRecord | undefined;
  const warn = (message: string): void => report({ type: "warning", id: "run-record", message });
  return {
    begin: ({ project, parameters, connection }, overwrite) => {
      const { settings, database } = connection;
      const facts = {
        project: project.root,
        project_checksum: projectChecksum(project),
        files: project.files.length,
        parameters: parameters.length,
        overwrite,
        servers: settings.hosts.map(({ host, port }) => `${host}:${port}`),
        database,
        role: settings.user,
        application_name: settings.applicationName,
      };
      open = beginRecord(facts, { environment, clock, warn });
    },
    end: (outcome, { project }, server) => open?.end(endedLine(outcome, project, server)),
  };
}
