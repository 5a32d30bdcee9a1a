import { afterAll, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { systemClock } from "../../../system/clock.ts"
import { BUNDLE_COMMAND, Bundles } from "./bundles.ts"

const root = mkdtempSync(join(tmpdir(), "bundles-"))
const script = join(root, "route.ts")
afterAll(() => rmSync(root, { recursive: true }))

writeFileSync(script, 'import { one } from "./lib/one"\nimport last from "last"\nexport const route = () => one + last')
mkdirSync(join(root, "lib"))
writeFileSync(join(root, "lib/one.js"), 'export const one = "one"')
mkdirSync(join(root, "node_modules/last"), { recursive: true })
writeFileSync(join(root, "node_modules/last/index.js"), 'module.exports = "last"')

/** A program in place of the bundler. */
function instead(program: string): string[] {
  return [process.execPath, "--no-env-file", "--config=/dev/null", "-e", program]
}

async function failed(bundles: Bundles): Promise<string> {
  const bundle = (await bundles.of([script])).get(script)
  expect(bundle?.code).toBeNull()
  return bundle?.message ?? ""
}

test("a script is bundled anew only when a file of it has changed, appeared or gone", async () => {
  const bundles = new Bundles(systemClock)
  const code = async () => (await bundles.of([script])).get(script)?.code
  expect(await code()).toContain('"one"')
  await code()
  expect(bundles.runs).toBe(1)
  writeFileSync(join(root, "lib/one.js"), 'export const one = "another"')
  expect(await code()).toContain('"another"')
  // comes before the other
  writeFileSync(join(root, "lib/one.ts"), 'export const one: string = "typed"')
  expect(await code()).toContain('"typed"')
  writeFileSync(join(root, "node_modules/last/package.json"), '{"main":"main.js"}')
  writeFileSync(join(root, "node_modules/last/main.js"), 'module.exports = "main"')
  expect(await code()).toContain('"main"')
  expect(bundles.runs).toBe(4)
  rmSync(join(root, "lib"), { recursive: true })
  expect((await bundles.of([script])).get(script)?.message).toBe('route.ts:1:21 "./lib/one" cannot be found')
  await code()
  expect(bundles.runs).toBe(5)
  mkdirSync(join(root, "lib"))
  writeFileSync(join(root, "lib/one.js"), 'export const one = "again"')
  expect(await code()).toContain('"again"')
  expect(bundles.runs).toBe(6)
})

test("the process that bundles has an empty environment and stands in no folder of the operator", async () => {
  const tell = `const said = JSON.stringify([process.env, process.cwd()])
    await Bun.write(Bun.stdout, JSON.stringify([{ code: said, message: "", files: [], stamps: [] }])); process.exit(0)`
  const bundle = (await new Bundles(systemClock, { command: instead(tell) }).of([script])).get(script)
  expect(JSON.parse(bundle?.code ?? "")).toEqual([{}, "/"])
})

test("a process that takes too long, too much memory, or ends, says why and what to do", async () => {
  const late = new Bundles(systemClock, { command: instead("setInterval(() => {}, 1000)"), mostMs: 300 })
  expect(await failed(late)).toMatch(/^it was not bundled within 0\.3 s: import less/u)
  const large = new Bundles(systemClock, {
    command: instead("const kept = []; setInterval(() => kept.push(Buffer.alloc(1e7, 1)), 1)"),
    memoryBytes: 200_000_000,
  })
  expect(await failed(large)).toMatch(/^bundling it took more than 200 MB of memory: import less/u)
  const ended = new Bundles(systemClock, { command: instead("process.exit(3)") })
  expect(await failed(ended)).toMatch(/^the process that bundles it ended with 3: .*smart-router check/u)
  const missing = new Bundles(systemClock, { command: [join(root, "missing")] })
  expect(await failed(missing)).toMatch(/^the process that bundles it cannot be started .*must be allowed to start/u)
})

test("one script that cannot be bundled in time is told from the others", async () => {
  const bad = join(root, "bad.ts")
  const program = `let asked = ""
    process.stdin.on("data", (bytes) => {
      asked += bytes
      if (!asked.includes("\\n")) return
      const { scripts } = JSON.parse(asked)
      if (scripts.includes(${JSON.stringify(bad)})) process.exit(3)
      console.log(JSON.stringify(scripts.map(() => ({ code: "fine", message: "", files: [], stamps: [] }))))
      process.exit(0)
    })`
  const made = await new Bundles(systemClock, { command: instead(program) }).of([script, bad])
  expect([made.get(script)?.code, made.get(bad)?.code]).toEqual(["fine", null])
})

test("the process that bundles ends when the one that started it does", async () => {
  const main = join(import.meta.dir, "../../../main.ts")
  const command = JSON.stringify([process.execPath, main, BUNDLE_COMMAND])
  // the parent tells the child's number, and is killed before it asks for anything
  const parent = Bun.spawn(
    instead(`const child = Bun.spawn(${command}, { stdin: "pipe", stdout: "ignore" })
      console.log(child.pid); setInterval(() => {}, 1000)`),
    { stdout: "pipe" },
  )
  const reader = parent.stdout.getReader()
  const pid = Number(Buffer.from((await reader.read()).value ?? []).toString())
  expect(() => process.kill(pid, 0)).not.toThrow()
  parent.kill("SIGKILL")
  await parent.exited
  const isGone = (): boolean => {
    try {
      process.kill(pid, 0)
      return false
    } catch {
      return true
    }
  }
  for (let look = 0; look < 6000 && !isGone(); look++) await Bun.sleep(10)
  expect(isGone()).toBe(true)
})
