import { expect, test } from "bun:test"
import { join } from "node:path"
import { temporaryFolder } from "../../test/helpers/demo-process.ts"

/** Says what it sees after `ensureHttpLimit`, and how often it began. */
const PROGRAM = `
import { appendFileSync } from "node:fs"
import { ensureHttpLimit } from ${JSON.stringify(join(import.meta.dir, "reexec.ts"))}
appendFileSync(process.env.STARTS, "x")
ensureHttpLimit()
console.log(JSON.stringify({ args: process.argv.slice(2), limit: process.env.BUN_CONFIG_MAX_HTTP_REQUESTS, flags: process.execArgv }))
process.exit(3)
`

async function start(limit: string | undefined): Promise<{ code: number; seen: unknown; starts: number }> {
  using folder = temporaryFolder()
  const [script, starts] = [join(folder.path, "program.ts"), join(folder.path, "starts")]
  await Bun.write(script, PROGRAM)
  const { BUN_CONFIG_MAX_HTTP_REQUESTS: _, ...env } = process.env
  const limited = limit === undefined ? {} : { BUN_CONFIG_MAX_HTTP_REQUESTS: limit }
  const child = Bun.spawn([process.execPath, "--no-env-file", script, "demo", "two words", "--port=1"], {
    env: { ...env, ...limited, STARTS: starts },
  })
  const seen: unknown = JSON.parse(await child.stdout.text())
  return { code: await child.exited, seen, starts: (await Bun.file(starts).text()).length }
}

test("a process without the limit replaces itself once, with its arguments and exit code", async () => {
  const expected = { args: ["demo", "two words", "--port=1"], limit: "65336", flags: ["--no-env-file"] }
  expect(await start(undefined)).toEqual({ code: 3, seen: expected, starts: 2 })
})

test("a limit that is set is left alone", async () => {
  expect(await start("300")).toMatchObject({ code: 3, seen: { limit: "300" }, starts: 1 })
})
