/** The processes of a run: servers under test on core 0, everything else on core 1. */
import { openSync } from "node:fs"

export interface Child {
  readonly pid: number
  /** Asks it to end, and insists after `graceMs`. */
  stop(): Promise<void>
}

export interface ChildPlan {
  readonly command: readonly string[]
  readonly core: 0 | 1
  readonly logPath: string
  readonly env?: Readonly<Record<string, string>>
}

const GRACE_MS = 8000

const running = new Set<Bun.Subprocess>()

/** For the end that was not planned. */
export function killChildren(): void {
  for (const child of running) child.kill("SIGKILL")
}

export function startChild(plan: ChildPlan): Child {
  const log = openSync(plan.logPath, "w")
  const settings = Object.entries(plan.env ?? {}).map(([name, value]) => `${name}=${value}`)
  const child = Bun.spawn(["taskset", "-c", String(plan.core), "env", ...settings, ...plan.command], {
    stdin: "ignore",
    stdout: log,
    stderr: log,
  })
  running.add(child)
  void child.exited.then(() => running.delete(child))
  return {
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM")
      const ended = await Promise.race([child.exited.then(() => true), Bun.sleep(GRACE_MS).then(() => false)])
      if (!ended) child.kill("SIGKILL")
      await child.exited
    },
  }
}

/** A port of 127.0.0.1 that nobody listens on at the moment, for servers that cannot choose one themselves. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

const START_MS = 20_000

/** A server that answers HTTP on the port. @throws Error with what it said when it does not */
export async function startServer(name: string, port: number, plan: ChildPlan): Promise<Child> {
  const child = startChild(plan)
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += 50) {
    if (await answers(port)) return child
    await Bun.sleep(50)
  }
  await child.stop()
  throw new Error(`${name} does not answer; it said: ${await Bun.file(plan.logPath).text()}`)
}

function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/healthz`).then(
    async (response) => {
      await response.arrayBuffer()
      return true
    },
    () => false,
  )
}
