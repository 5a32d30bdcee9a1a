/** The proxies whose files a release has, started with these files on ports of this machine. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { tied } from "./children.ts"
import { eventually } from "./client.ts"

const ROOT = join(import.meta.dir, "../..")
const CERTIFICATE = join(ROOT, "test/fixtures/tls/localhost-certificate-for-tests.pem")
const KEY = join(ROOT, "test/fixtures/tls/localhost-key-for-tests.pem")
const NGINX = Bun.which("nginx") ?? (existsSync("/usr/sbin/nginx") ? "/usr/sbin/nginx" : null)

export const WITHOUT_CADDY: string = Bun.which("caddy") === null ? ": no caddy (Debian: apt-get install caddy)" : ""
export const WITHOUT_NGINX: string = NGINX === null ? ": no nginx (Debian: apt-get install nginx-light)" : ""

export interface Proxy extends AsyncDisposable {
  /** An https address of this machine, with a certificate for tests. */
  readonly url: string
}

/** @param file a Caddyfile; `folder` is empty and the test's */
export async function startCaddy(file: string, folder: string, routers: readonly string[]): Promise<Proxy> {
  const port = freePort()
  const options = `{\n\thttp_port ${freePort()}\n\tauto_https disable_redirects\n\tskip_install_trust\n\tadmin off\n`
  const text = readFileSync(file, "utf8")
    .replaceAll(/^\t(?:https?_port|admin) .*\n/gm, "")
    // on a crowded machine an answer takes its time
    .replace("health_timeout 2s", "health_timeout 60s")
    .replace(/^\{\n/m, options)
    .replace(/^(\{\$SITE_ADDRESS.*\} \{)$/m, `$1\n\tbind 127.0.0.1\n\ttls ${CERTIFICATE} ${KEY}`)
  const path = join(folder, "Caddyfile")
  writeFileSync(path, text)
  const env = { SITE_ADDRESS: `https://localhost:${port}`, ROUTERS: routers.map(hostOf).join(" ") }
  return startProxy(["caddy", "run", "--adapter", "caddyfile", "--config", path], folder, port, env)
}

/** @param file one for /etc/nginx/conf.d */
export async function startNginx(file: string, folder: string, routers: readonly string[]): Promise<Proxy> {
  const port = freePort()
  const servers = routers.map((url) => `server ${hostOf(url)} max_fails=2 fail_timeout=2s;`).join("\n")
  const text = readFileSync(file, "utf8")
    .replace(/server 127\.0\.0\.1:8080 [^;]*;/, servers)
    .replace(/^ {4}listen 443/m, `    listen 127.0.0.1:${port}`)
    .replace(/ssl_certificate .*;/, `ssl_certificate ${CERTIFICATE};`)
    .replace(/ssl_certificate_key .*;/, `ssl_certificate_key ${KEY};`)
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
  // whose folder it is
  const user = process.getuid?.() === 0 ? "user root;\n" : ""
  const main = `${user}daemon off;\npid ${folder}/nginx.pid;\nerror_log ${folder}/error.log;\nevents {}\nhttp {\naccess_log off;\n${temporary
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join("\n")}\n${text}}\n`
  const path = join(folder, "nginx.conf")
  writeFileSync(path, main)
  return startProxy([NGINX ?? "nginx", "-p", folder, "-c", path], folder, port, {})
}

async function startProxy(
  command: readonly string[],
  folder: string,
  port: number,
  env: Readonly<Record<string, string>>,
): Promise<Proxy> {
  const log = Bun.file(join(folder, "proxy.log"))
  const home = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, PATH: process.env["PATH"] ?? "" }
  const child = Bun.spawn(tied(command), { env: { ...home, ...env }, stdin: "ignore", stdout: log, stderr: log })
  const url = `https://localhost:${port}`
  const said = async (): Promise<string> => ((await log.exists()) ? await log.text() : "")
  await eventually("the proxy answers", async () => {
    if (child.exitCode !== null) throw new Error(`the proxy ended: ${await said()}`)
    const answer = await askProxy(`${url}/healthz`).catch(() => null)
    return answer?.ok === true ? true : undefined
  })
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM")
      await Promise.race([child.exited, Bun.sleep(10_000)])
      child.kill("SIGKILL")
      await child.exited
    },
  }
}

/** Whoever signed the certificate. */
export function askProxy(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, tls: { rejectUnauthorized: false } })
}

function hostOf(url: string): string {
  return new URL(url).host
}

export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}
