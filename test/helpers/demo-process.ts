/** A running `smart-router demo` in a process of its own, and what it printed. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { RUNTIME_SETTINGS } from "../../src/cli/reexec.ts"
import { tied } from "./children.ts"

export interface DemoProcess {
  readonly pid: number
  readonly url: string
  readonly token: string
  /** Standard output up to the moment when the demo was ready. */
  readonly welcome: string
  /** Resolves when it has printed this as well; rejects where it ends without. */
  said(text: string): Promise<void>
  /** Sends the signal and waits for the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number>
}

/** A folder that is gone after the test, for `using`. */
export function temporaryFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "smart-router-demo-"))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** `command`: the program with its first arguments. Resolves when the demo says that it is ready; rejects when it ends before. */
export async function startDemo(
  command: readonly string[],
  options: { readonly cwd: string; readonly env?: Record<string, string>; readonly args?: readonly string[] },
): Promise<DemoProcess> {
  const child = Bun.spawn(tied([...command, "demo", "--port", "0", ...(options.args ?? [])]), {
    cwd: options.cwd,
    env: options.env ?? { ...process.env, ...RUNTIME_SETTINGS },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const errors = new Response(child.stderr).text()
  let welcome = ""
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader()
  while (!welcome.includes("Ctrl+C")) {
    const { value, done } = await reader.read()
    if (done) break
    welcome += value
  }
  const url = /^ +address +(\S+)$/mu.exec(welcome)?.[1]
  const token = /^export ROUTER_TOKEN=(rtr_\S+)$/mu.exec(welcome)?.[1]
  if (url === undefined || token === undefined) {
    child.kill("SIGKILL")
    throw new Error(`the demo did not start: ${welcome}${await errors}`)
  }
  let printed = welcome
  const waiting = new Set<() => void>()
  const isOver = (async () => {
    // a closed pipe would be an error for the child
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      printed += read.value
      for (const look of waiting) look()
    }
  })()
  return {
    pid: child.pid,
    url,
    token,
    welcome,
    async said(text) {
      const found = new Promise<true>((resolve) => {
        const look = (): void => {
          if (printed.includes(text)) resolve(true)
        }
        waiting.add(look)
        look()
      })
      const isFound = await Promise.race([found, isOver])
      if (isFound !== true) throw new Error(`the demo ended without saying ${text}: ${printed}${await errors}`)
    },
    async stop(signal = "SIGTERM") {
      child.kill(signal)
      return child.exited
    },
  }
}
