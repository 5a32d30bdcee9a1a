/** The router takes no file that another user could have put in the place of one of its own. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import path from "node:path"
import { prepare, type Prepared } from "../../helpers/config.ts"
import { startGateway } from "../../helpers/gateway.ts"

let prepared: Prepared

beforeAll(() => {
  prepared = prepare({ upstreams: { upstream: { url: "http://127.0.0.1:1" } } })
})

afterAll(() => prepared.remove())

const FILES = [
  "state/usage.sqlite",
  "state/usage.sqlite-wal",
  "state/usage.sqlite-shm",
  "state/usage.sqlite.spool",
  "logs/requests.jsonl",
]

test.each(FILES.map((name) => [name] as const))(
  "a link in the place of %s is refused by name, and not followed",
  async (name) => {
    const place = path.join(prepared.directory, name)
    const target = path.join(prepared.directory, "target")
    mkdirSync(path.dirname(place), { recursive: true })
    writeFileSync(target, "theirs", { mode: 0o644 })
    symlinkSync(target, place)
    const outcome = await startGateway(prepared).then(
      async (gateway) => {
        await gateway.stop()
        return "started"
      },
      (error: unknown) => String(error),
    )
    expect(outcome).toContain(`${path.basename(name)} is a link`)
    expect([readFileSync(target, "utf8"), statSync(target).mode & 0o777]).toEqual(["theirs", 0o644])
    for (const made of ["state", "logs", "target"])
      rmSync(path.join(prepared.directory, made), { recursive: true, force: true })
    expect(existsSync(place)).toBe(false)
  },
)
