/** Runs the test runner itself on files that go wrong. */
import path from "node:path"

const FIXTURES = path.join(import.meta.dir, "fixtures")

export interface Run {
  readonly code: number
  readonly output: string
  readonly lastLine: string
}

export async function runFixtures(fixtures: readonly string[], ...options: string[]): Promise<Run> {
  const files = fixtures.map((name) => path.join(FIXTURES, `${name}.spec.ts`))
  const command = [process.execPath, path.join(import.meta.dir, "run.ts"), ...options, ...files]
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe", stdin: "ignore" })
  const output = await new Response(child.stdout).text()
  const code = await child.exited
  return { code, output, lastLine: output.trimEnd().split("\n").at(-1) ?? "" }
}

export function isRunning(command: string): boolean {
  const found = Bun.spawnSync(["ps", "-eo", "args="])
  return found.stdout.toString().split("\n").includes(command)
}
