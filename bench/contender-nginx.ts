/** The yardstick: one nginx worker with a plain `proxy_pass`, keep-alive on both sides, bodies held in memory. */
import { mkdirSync } from "node:fs"
import { freePort, startServer } from "./children.ts"
import type { Contender } from "./contender.ts"
import { UPSTREAMS, type Upstreams } from "./upstreams.ts"

export async function startNginx(upstreams: Upstreams, runFolder: string): Promise<Contender> {
  const folder = `${runFolder}/nginx`
  mkdirSync(folder, { recursive: true })
  const ports = { unary: freePort(), stream: freePort(), burst: freePort() }
  const servers = UPSTREAMS.map((name) => serverBlock(name, ports[name], upstreams.byName[name].port))
  await Bun.write(`${folder}/nginx.conf`, configuration(folder, servers.join("")))
  const logPath = `${folder}/out.log`
  const child = await startServer("nginx", ports.unary, {
    command: ["nginx", "-c", `${folder}/nginx.conf`],
    core: 0,
    logPath,
  })
  return {
    name: "nginx",
    version: Bun.spawnSync(["nginx", "-v"]).stderr.toString().trim().replace("nginx version: nginx/", ""),
    pid: child.pid,
    port: (upstream) => ports[upstream],
    headers: () => ({ Authorization: "Bearer bench" }),
    stop: () => child.stop(),
  }
}

function serverBlock(name: string, port: number, upstreamPort: number): string {
  return `
  upstream ${name} { server 127.0.0.1:${upstreamPort}; keepalive 2048; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /healthz { return 200 "ok"; }
    location / {
      proxy_pass http://${name};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering ${name === "unary" ? "on" : "off"};
    }
  }`
}

function configuration(folder: string, servers: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  )
  return `worker_processes 1;
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log /dev/null;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  client_body_buffer_size 2m;
  client_max_body_size 32m;
  ${temporary.join("\n  ")}${servers}
}
`
}
