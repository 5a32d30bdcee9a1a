import { expect, test } from "bun:test"
import { join } from "node:path"
import { temporaryFolder } from "../../test/helpers/demo-process.ts"

/** Says what it sees after `ensureRuntimeSettings`, and how often it began. */
const PROGRAM = `
import { appendFileSync } from "node:fs"
import { ensureRuntimeSettings } from ${JSON.stringify(join(import.meta.dir, "reexec.ts"))}
appendFileSync(process.env.STARTS, "x")
if (process.env.EXECUTABLE !== undefined) process.execPath = process.env.EXECUTABLE
ensureRuntimeSettings()
console.log(JSON.stringify({ args: process.argv.slice(2), limit: process.env.BUN_CONFIG_MAX_HTTP_REQUESTS, purge: process.env.MIMALLOC_PURGE_DELAY, ram: process.env.BUN_JSC_forceRAMSize, flags: process.execArgv }))
process.exit(3)
`

async function start(settings: Record<string, string>): Promise<{ code: number; seen: unknown; starts: number }> {
  using folder = temporaryFolder()
  const [script, starts] = [join(folder.path, "program.ts"), join(folder.path, "starts")]
  await Bun.write(script, PROGRAM)
  const { BUN_CONFIG_MAX_HTTP_REQUESTS: _, MIMALLOC_PURGE_DELAY: __, BUN_JSC_forceRAMSize: ___, ...env } = process.env
  const child = Bun.spawn([process.execPath, "--no-env-file", script, "demo", "two words", "--port=1"], {
    env: { ...env, ...settings, STARTS: starts },
  })
  const seen: unknown = JSON.parse(await child.stdout.text())
  return { code: await child.exited, seen, starts: (await Bun.file(starts).text()).length }
}

const GIVEN = { args: ["demo", "two words", "--port=1"], flags: ["--no-env-file"] }

test("a process without a setting replaces itself once, with its arguments and exit code", async () => {
  const complete = { code: 3, seen: { ...GIVEN, limit: "65336", purge: "1000", ram: "268435456" }, starts: 2 }
  expect(await start({})).toEqual(complete)
  expect(await start({ BUN_CONFIG_MAX_HTTP_REQUESTS: "65336" })).toEqual(complete)
})

test("settings that are there are left alone", async () => {
  const settings = { BUN_CONFIG_MAX_HTTP_REQUESTS: "300", MIMALLOC_PURGE_DELAY: "7", BUN_JSC_forceRAMSize: "500000000" }
  expect(await start(settings)).toMatchObject({
    code: 3,
    seen: { limit: "300", purge: "7", ram: "500000000" },
    starts: 1,
  })
})

test("where the system does not replace the process, it goes on without the settings", async () => {
  expect(await start({ EXECUTABLE: "/nowhere/bun" })).toEqual({ code: 3, seen: GIVEN, starts: 1 })
})
