/** A webhook receiver that answers 200 and notes when what came: `node receiver.mjs`. Prints its port; `GET /` gives the times by id. */
import { createServer } from "node:http";

const times = [];
const server = createServer((request, response) => {
  if (request.method === "GET") {
    response.end(JSON.stringify(times.splice(0)));
    return;
  }
  const id = /:(\d+):0$/.exec(request.headers["idempotency-key"] ?? "")?.[1];
  times.push([id, performance.timeOrigin + performance.now()]);
  request.resume().on("end", () => response.end("{}"));
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`));
