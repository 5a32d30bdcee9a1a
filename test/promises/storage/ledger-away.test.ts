/** A router starts, and takes changes, while its usage database is away: only callers whose limits count what was used before wait. */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { eventually } from "../../helpers/client.ts"
import { callerEntry, newToken, prepare, type Config, type Prepared } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { rejectionOf } from "../../helpers/ledger.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

let upstream: FakeUpstream

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
})

afterAll(() => upstream.stop())

const tokens = { busy: newToken("busy"), quota: newToken("quota"), late: newToken("late") }

function callers(config: Config): void {
  config.server["watch_config"] = true
  config.callers.push(
    callerEntry("busy", tokens.busy, ["default"], { rate: { concurrent: 4 } }),
    callerEntry("quota", tokens.quota, ["default"], { quota: { day: { requests: 3 } } }),
  )
}

function ask(gateway: Gateway, token: string | undefined): ReturnType<Gateway["call"]> {
  return gateway.call("chat", SAMPLES.chat.request(), token === undefined ? {} : { token })
}

/** Every other writer waits until it is released. */
function lock(prepared: Prepared): Disposable {
  const database = new Database(databasePath(prepared.directory))
  database.run("BEGIN IMMEDIATE")
  return { [Symbol.dispose]: () => database.close() }
}

/** As a kill leaves it under a locked database: one call of `quota` is in the spool, none in the database. */
async function killedUnderLock(prepared: Prepared): Promise<Disposable> {
  const gateway = await startGateway(prepared)
  const locked = lock(prepared)
  expect((await ask(gateway, tokens.quota)).status).toBe(200)
  await gateway.stop()
  return locked
}

test("SQLite locked: who needs no totals is served, the others are told to come again, and all counts hold afterwards", async () => {
  const prepared = prepare({ upstreams: { upstream }, configure: callers })
  const locked = await killedUnderLock(prepared)
  await using gateway = await startGateway(prepared)
  expect((await ask(gateway, undefined)).status).toBe(200)
  expect((await ask(gateway, tokens.busy)).status).toBe(200)
  const refused = await ask(gateway, tokens.quota)
  expectError(refused, "chat", 503, "usage-store-unavailable")
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0)
  // a configuration with new limits is taken all the same
  prepared.rewrite((config) => {
    config.callers.push(callerEntry("late", tokens.late, ["default"], { quota: { day: { requests: 1 } } }))
  })
  const late = await eventually("the change", async () => {
    const answer = await ask(gateway, tokens.late)
    return answer.status === 401 ? undefined : answer
  })
  expectError(late, "chat", 503, "usage-store-unavailable")
  locked[Symbol.dispose]()
  const served = await eventually("the totals", async () => {
    const answer = await ask(gateway, tokens.quota)
    return answer.status === 200 ? answer : undefined
  })
  expect(served.status).toBe(200)
  // one before the kill, two now
  expect((await ask(gateway, tokens.quota)).status).toBe(200)
  expectError(await ask(gateway, tokens.quota), "chat", 429, "quota-exhausted")
  await eventually("the new limits", async () => ((await ask(gateway, tokens.late)).status === 200 ? true : undefined))
  expectError(await ask(gateway, tokens.late), "chat", 429, "quota-exhausted")
}, 60_000)

test("SQLite damaged: the router starts, and is whole again once the file is moved away", async () => {
  const prepared = prepare({ upstreams: { upstream }, configure: callers })
  const first = await startGateway(prepared)
  await first.stop()
  const path = databasePath(prepared.directory)
  await Bun.write(path, Buffer.alloc(16_384, "damage"))
  const causes: string[] = []
  const log = {
    info: () => {},
    warn: () => {},
    error: (_: string, fields?: object) => causes.push(JSON.stringify(Object.values(fields ?? {}).map(String))),
  }
  await using gateway = await startGateway(prepared, { log })
  expect(causes.join()).toContain("is damaged: file is not a database")
  expect((await ask(gateway, undefined)).status).toBe(200)
  expectError(await ask(gateway, tokens.quota), "chat", 503, "usage-store-unavailable")
  await Bun.$`mv ${path} ${`${path}.damaged`}`.quiet()
  await eventually("the totals", async () => ((await ask(gateway, tokens.quota)).status === 200 ? true : undefined))
  await eventually("the spooled rows", () => (gateway.records.usage().length >= 2 ? true : undefined))
}, 60_000)

test("a start that no wait would help ends with the cause and the cure", async () => {
  const prepared = prepare({
    upstreams: { upstream },
    configure: (config) => {
      config.server["usage_db"] = { path: "/proc/nowhere/usage.sqlite" }
    },
  })
  const message = String(await rejectionOf(startGateway(prepared)))
  expect(message).toContain("The usage database /proc/nowhere/usage.sqlite cannot be opened: ")
  expect(message).toContain("ENOENT")
  prepared.remove()
})
