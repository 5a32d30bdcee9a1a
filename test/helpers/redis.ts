/** A real Redis or Valkey for tests, where the machine has one. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { RedisClient } from "bun"
import { tied } from "./children.ts"

const SERVER = Bun.which("redis-server") ?? Bun.which("valkey-server")

/** Stands in the names of tests that cannot run: why. */
export const WITHOUT_REDIS: string | null =
  SERVER === null ? "no redis-server or valkey-server on this machine (Debian: apt-get install redis-server)" : null

export interface RedisWishes {
  /** Further words of its command line. */
  readonly options?: readonly string[]
  /** User and password of the address. */
  readonly login?: string
  /** Files of its certificate and key: it speaks nothing but TLS then, and asks clients for a certificate of this one. */
  readonly tls?: { readonly certificate: string; readonly key: string }
}

export interface RedisServer extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  command(name: string, ...words: string[]): Promise<unknown>
  signal(name: NodeJS.Signals): void
  /** Kills it and starts it again on the same port; empty, unless it was told to keep a file. */
  restart(): Promise<void>
}

export async function startRedis({ options: more = [], login = "", tls }: RedisWishes = {}): Promise<RedisServer> {
  if (SERVER === null) throw new Error(WITHOUT_REDIS ?? "")
  const directory = mkdtempSync(path.join(tmpdir(), "router-redis-"))
  const port = freePort()
  const start = async (): Promise<Bun.Subprocess> => {
    const options = [
      ...(tls === undefined ? ["--port", String(port)] : ["--port", "0", "--tls-port", String(port)]),
      ...(tls === undefined ? [] : ["--tls-cert-file", tls.certificate, "--tls-key-file", tls.key]),
      ...(tls === undefined ? [] : ["--tls-ca-cert-file", tls.certificate]),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--dir",
      directory,
      ...more,
    ]
    const child = Bun.spawn(tied([SERVER, ...options]), { stdout: "ignore", stderr: "ignore" })
    for (;;) {
      const client = connect()
      const answer = await client.connect().then(
        () => client.send("PING", []).catch(() => null),
        () => null,
      )
      client.close()
      if (answer === "PONG") return child
      if (child.exitCode !== null) throw new Error("the Redis server did not start")
      await Bun.sleep(20)
    }
  }
  const url = `${tls === undefined ? "redis" : "rediss"}://${login}${tls === undefined ? "127.0.0.1" : "localhost"}:${port}`
  const files = tls === undefined ? {} : { tls: certificates(tls) }
  const connect = (): RedisClient => new RedisClient(url, { autoReconnect: false, connectionTimeout: 30_000, ...files })
  let child = await start()
  return {
    url,
    get pid() {
      return child.pid
    },
    async command(name, ...words) {
      const client = connect()
      try {
        await client.connect()
        return await client.send(name, words)
      } finally {
        client.close()
      }
    },
    signal: (name) => child.kill(name),
    async restart() {
      child.kill("SIGKILL")
      await child.exited
      child = await start()
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL")
      await child.exited
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** What a client of such a server needs. */
export function certificates({ certificate, key }: NonNullable<RedisWishes["tls"]>): {
  readonly ca: string
  readonly cert: string
  readonly key: string
} {
  const cert = readFileSync(certificate, "utf8")
  return { ca: cert, cert, key: readFileSync(key, "utf8") }
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}
