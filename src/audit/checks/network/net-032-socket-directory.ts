/** NET-032: somebody else can put a server in our place. */
import { posix } from "node:path";
import { settingCheck, wrong } from "../setting-check.ts";

const OPEN_DIRECTORIES = new Set(["/tmp", "/var/tmp", "/dev/shm"]);

export default settingCheck({
  id: "NET-032",
  title: "the socket is where anybody can make one",
  severity: "low",
  profiles: { managed: "off" },
  needs: ["pg_read_all_settings"],
  why:
    "While the server is down, any account of the machine can listen at the same path, collect the passwords of clients " +
    "that connect, and answer them as it likes.",
  remedy: "Use a directory that only the server's account can write to, such as /var/run/postgresql, and restart.",
  limits: "Abstract sockets (@name) belong to no directory, and whoever comes first has the name: reported as well.",
  references: { manual: ["Preventing Server Spoofing"] },
  judge: (settings) => {
    const setting = settings.get("unix_socket_directories");
    const open = settings
      .list("unix_socket_directories")
      .filter(
        (path) => path.startsWith("@") || OPEN_DIRECTORIES.has(posix.normalize(`${path}/`).replace(/(.)\/$/, "$1")),
      );
    if (open.length === 0) return [];
    const text =
      "Make a directory that only the server's account can write to, and name it in unix_socket_directories.";
    return [
      wrong(setting, { detail: `anybody can make a socket in ${open.join(", ")}`, fix: { kind: "words", text } }),
    ];
  },
});
