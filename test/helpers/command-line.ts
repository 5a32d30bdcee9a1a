/** Runs commands of the command line. */
import { spyOn } from "bun:test"
import { join } from "node:path"
import { runCommand } from "../../src/cli/commands.ts"
import { tied } from "./children.ts"

const MAIN = join(import.meta.dir, "../../src/main.ts")

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** `bun src/main.ts` as a process of its own. The environment is only what the test gives, with a PATH. */
export async function smartRouter(
  args: readonly string[],
  {
    cwd,
    env = {},
    stdin,
  }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly stdin?: string } = {},
): Promise<Ended> {
  const child = Bun.spawn(tied([process.execPath, "--no-env-file", MAIN, ...args]), {
    cwd: cwd ?? import.meta.dir,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdin: stdin === undefined ? "ignore" : new TextEncoder().encode(stdin),
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, out, err }
}

/**
 * The same within this process, without a terminal: quick, for the many cases. Each file that tests a command starts one
 * process of it as well. One command at a time.
 */
export async function runHere(
  args: readonly string[],
  { env = {} }: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  const written = { out: "", err: "" }
  const capture = (stream: "out" | "err") => (chunk: string | Uint8Array) => {
    written[stream] += chunk.toString()
    return true
  }
  const out = spyOn(process.stdout, "write").mockImplementation(capture("out"))
  const err = spyOn(process.stderr, "write").mockImplementation(capture("err"))
  const { isTTY } = process.stderr
  process.stderr.isTTY = false
  const before = { ...process.env }
  Object.assign(process.env, env)
  try {
    return { code: await runCommand(args), ...written }
  } finally {
    out.mockRestore()
    err.mockRestore()
    process.stderr.isTTY = isTTY
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  }
}
