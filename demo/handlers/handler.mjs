import { createServer } from "node:http";

createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const { object } = JSON.parse(Buffer.concat(parts).toString());
    const verdict = object.key.includes("night") ? "Night" : "Day";
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ verdict, key: object.key }));
  });
}).listen(Number(process.env.PORT), "127.0.0.1");
