/** A real Redis or Valkey for tests, where the machine has one. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { RedisClient } from "bun"

const SERVER = Bun.which("redis-server") ?? Bun.which("valkey-server")

/** Stands in the names of tests that cannot run: why. */
export const WITHOUT_REDIS: string | null =
  SERVER === null ? "no redis-server or valkey-server on this machine (Debian: apt-get install redis-server)" : null

export interface RedisServer extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  command(name: string, ...words: string[]): Promise<unknown>
  signal(name: NodeJS.Signals): void
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
}

export async function startRedis(): Promise<RedisServer> {
  if (SERVER === null) throw new Error(WITHOUT_REDIS ?? "")
  const directory = mkdtempSync(path.join(tmpdir(), "router-redis-"))
  const port = freePort()
  const start = async (): Promise<Bun.Subprocess> => {
    const options = [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--dir",
      directory,
    ]
    const child = Bun.spawn([SERVER, ...options], { stdout: "ignore", stderr: "ignore" })
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
  const url = `redis://127.0.0.1:${port}`
  const connect = (): RedisClient => new RedisClient(url, { autoReconnect: false, connectionTimeout: 1000 })
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

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}
