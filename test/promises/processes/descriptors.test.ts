/** Without file descriptors the runtime ends a process that starts a thread: the router starts none then. */
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"

const ROOT = path.resolve(import.meta.dir, "../../..")

/** Uses up all descriptors, wants a checkpoint and a large configuration, and then gives descriptors back. */
const child = `
  import { closeSync, openSync, statSync, writeSync } from "node:fs"
  import { readApart } from "${ROOT}/src/config/load-apart.ts"
  import { openLedger } from "${ROOT}/src/ledger/open.ts"
  import { systemClock } from "${ROOT}/src/system/clock.ts"
  import { silentLog } from "${ROOT}/src/system/log.ts"
  import { sampleCall } from "${ROOT}/test/helpers/sample-call.ts"
  const [folder] = process.argv.slice(-1)
  const file = folder + "/usage.sqlite"
  const options = { path: file, durability: "commit", onUnavailable: "spool", clock: systemClock, log: silentLog }
  const ledger = await openLedger({ ...options, limits: { checkpointPages: 50 } })
  const taken = []
  try { for (;;) taken.push(openSync("/dev/null", "r")) } catch {}
  const before = statSync(file).size
  for (let number = 0; number < 100; number += 1) await ledger.record(sampleCall(systemClock.now(), number))
  if (statSync(file).size > before) writeSync(1, "checkpointed\\n")
  const reading = readApart({ path: folder + "/config.yaml", env: {} })
  setTimeout(() => taken.splice(0, 100).forEach((descriptor) => closeSync(descriptor)), 300)
  const { findings } = await reading
  writeSync(1, "read with " + findings.length + " findings\\n")
  for (let number = 100; number < 200; number += 1) await ledger.record(sampleCall(systemClock.now(), number))
  await ledger.close()
  writeSync(1, "closed\\n")
`

test("checkpoints and reloads wait, or are made in the main thread, until there are descriptors again", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "descriptors-"))
  writeFileSync(path.join(folder, "config.yaml"), "server: 3\n")
  const command = ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", process.execPath, "-e", child, "--", folder]
  const running = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" })
  const [printed, complaints, code] = await Promise.all([
    new Response(running.stdout).text(),
    new Response(running.stderr).text(),
    running.exited,
  ])
  expect(complaints).toBe("")
  expect(printed).toMatch(/^checkpointed\nread with [1-9]\d* findings\nclosed\n$/)
  expect(code).toBe(0)
  rmSync(folder, { recursive: true })
}, 60_000)
