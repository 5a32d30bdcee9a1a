/** A router in a process of its own, for tests that kill, signal or measure it. */
import { readFileSync } from "node:fs"
import path from "node:path"
import { RUNTIME_SETTINGS } from "../../src/cli/reexec.ts"
import { tied } from "./children.ts"
import type { Prepared, Setup } from "./config.ts"
import { prepare } from "./config.ts"
import type { Gateway } from "./gateway.ts"
import { gatewayAt } from "./gateway.ts"

/** A router that is asked to end and does not is killed after this. */
const PATIENCE_MS = 60_000
const ROOT = path.resolve(import.meta.dir, "../..")

export interface RouterProcess extends Gateway {
  readonly pid: number
  /** Everything printed so far, both channels. */
  output(): string
  signal(name: NodeJS.Signals): void
  /** Settles with the exit code, or null after a signal. */
  readonly exited: Promise<number | null>
  residentBytes(): number
}

export interface RouterWishes {
  /** How many files and sockets it may hold open. */
  readonly descriptors?: number
  /** The program with its first arguments; absent: the checkout. */
  readonly command?: readonly string[] | undefined
}

/** Starts `serve` on a fresh configuration, or again on one that was prepared before. */
export async function spawnRouter(from: Setup | Prepared, wishes: RouterWishes = {}): Promise<RouterProcess> {
  const prepared = "configPath" in from ? from : prepare(from)
  const { descriptors, command: program = [process.execPath, "src/main.ts"] } = wishes
  const command = [...program, "serve", "--config", prepared.configPath]
  const limited = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', String(descriptors), ...command]
  const child = Bun.spawn(tied(descriptors === undefined ? command : limited), {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...RUNTIME_SETTINGS, ...prepared.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  let printed = ""
  const ready = Promise.withResolvers<string>()
  const collect = async (channel: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder()
    for await (const part of channel) {
      printed += decoder.decode(part, { stream: true })
      const address = /https?:\/\/127\.0\.0\.1:[1-9]\d*/u.exec(printed)
      if (address !== null) ready.resolve(address[0])
    }
  }
  const collected = Promise.all([collect(child.stdout), collect(child.stderr)])
  const exited = child.exited.then(async () => {
    await collected
    ready.reject(new Error(`serve ended before it was ready: ${printed}`))
    return child.exitCode
  })
  // A test that never waits for the end must not see an unhandled rejection either.
  void exited
  const gateway = gatewayAt(await ready.promise, prepared, async () => {
    child.kill("SIGTERM")
    await Promise.race([exited, Bun.sleep(PATIENCE_MS)])
    child.kill("SIGKILL")
    await exited
  })
  return {
    ...gateway,
    // Nothing that a test looks at is left: the process need not end in order.
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL")
      await exited
      prepared.remove()
    },
    pid: child.pid,
    output: () => printed,
    signal: (name) => child.kill(name),
    exited,
    residentBytes: () => residentBytes(child.pid),
  }
}

function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))
  return Number(line?.[1]) * 1024
}
