/** Whatever keeps content from being stored, calls go on, and what is lost is counted and told. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { rmSync, statfsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { stream } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken, type Config } from "../../helpers/config.ts"
import { ALL_PARTS, capturing, CONTENT_ENV, partsOf } from "../../helpers/content.ts"
import { parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { onEachDriver } from "../../helpers/ledger-drivers.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { mayMount, smallDisk } from "../../helpers/small-disk.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

setDefaultTimeout(300_000)

let upstream: FakeUpstream
const watcher = newToken("watcher")

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
})
afterAll(() => upstream.stop())

function router(usageDb: object, capture: Record<string, unknown> = {}, more: (config: Config) => void = () => {}) {
  return startGateway({
    upstreams: { upstream },
    env: CONTENT_ENV,
    configure: (config) => {
      capturing(config, { ...ALL_PARTS, ...capture })
      config.server["usage_db"] = usageDb
      config.callers.push(callerEntry("watcher", watcher, [], { metrics_admin: true }))
      more(config)
    },
  })
}

async function state(gateway: LocalGateway): Promise<unknown> {
  return at(parsed(await get(gateway, "/readyz", { token: watcher })), "content_capture")
}

const untilState = (gateway: LocalGateway, wanted: object): Promise<unknown> =>
  eventually(`capture is ${JSON.stringify(wanted)}`, async () => {
    const seen = await state(gateway)
    return Object.entries(wanted).every(([name, value]) => at(seen, name) === value) ? seen : undefined
  })

async function served(gateway: LocalGateway, text = "hello"): Promise<string> {
  const answer = await gateway.call("chat", SAMPLES.chat.request({ text }))
  expect([answer.status, answer.text]).toEqual([200, SAMPLES.chat.unary("Hi there")])
  return answer.requestId
}

test.skipIf(!mayMount())(
  "a disk that fills up: capture leaves the last room to the rows of calls (needs the right to mount)",
  async () => {
    using disk = smallDisk("40m")
    if (disk === null) throw new Error("the disk was there a moment ago")
    await using gateway = await router({ path: join(disk.folder, "usage.sqlite") })
    await partsOf(gateway, await served(gateway))
    const filler = join(disk.folder, "filler")
    const { bavail, bsize } = statfsSync(disk.folder)
    writeFileSync(filler, Buffer.alloc(bavail * bsize - (2 << 20)))
    const ids: string[] = []
    await eventually("capture stops for the disk", async () => {
      ids.push(await served(gateway))
      return at(await state(gateway), "reason") === "disk" ? true : undefined
    })
    ids.push(await served(gateway))
    rmSync(filler)
    for (const id of ids) await partsOf(gateway, id)
    expect(await state(gateway)).toMatchObject({ state: "ok", lost: { disk: 0 } })
  },
)

test.skipIf(!mayMount())(
  "a disk that is full: calls go to the spool, content waits (needs the right to mount)",
  async () => {
    using disk = smallDisk("40m")
    if (disk === null) throw new Error("the disk was there a moment ago")
    await using gateway = await router({ path: join(disk.folder, "usage.sqlite") })
    const filler = join(disk.folder, "filler")
    expect(() => writeFileSync(filler, Buffer.alloc(40 << 20))).toThrow("ENOSPC")
    const ids: string[] = []
    for (let count = 0; count < 20; count += 1) ids.push(await served(gateway))
    await untilState(gateway, { state: "stopped" })
    rmSync(filler)
    for (const id of ids) await partsOf(gateway, id)
  },
)

onEachDriver((driver) => {
  test("a database that takes no content: calls go on, and it is stored afterwards", async () => {
    await using ledger = await driver.state()
    await using gateway = await router(ledger.usageDb)
    await partsOf(gateway, await served(gateway))
    await ledger.change(["ALTER TABLE request_content_captures RENAME TO away"])
    const ids = [await served(gateway), await served(gateway)]
    await untilState(gateway, { state: "stopped", reason: "database" })
    await ledger.change(["ALTER TABLE away RENAME TO request_content_captures"])
    for (const id of ids) await partsOf(gateway, id)
    expect(await state(gateway)).toMatchObject({ state: "ok", reason: null, lost: { database: 0 } })
  })

  test("a locked database: calls go on, and content is stored afterwards", async () => {
    await using ledger = await driver.state()
    await using gateway = await router(ledger.usageDb)
    const first = await served(gateway)
    await partsOf(gateway, first)
    const ids: string[] = []
    {
      await using lock = await ledger.lock()
      void lock
      ids.push(await served(gateway), await served(gateway))
    }
    for (const id of ids) await partsOf(gateway, id)
  })

  test("a stop: what ended before it is stored, streams that the router ends included", async () => {
    await using ledger = await driver.state()
    const gateway = await router(ledger.usageDb)
    const ids: string[] = []
    for (let count = 0; count < 30; count += 1) ids.push(await served(gateway))
    const open: Promise<{ readonly requestId: string }>[] = []
    for (const dialect of DIALECTS) {
      const marker = `stopping ${dialect} ${driver.name}`
      const frames = SAMPLES[dialect].frames(["Hi", " there"])
      upstream.plan(marker, stream([...frames.slice(0, SAMPLES[dialect].framesBeforeContent + 1), { end: "stall" }]))
      const body = SAMPLES[dialect].request({ text: marker, stream: true })
      const response = await gateway.open(dialect, body)
      ids.push(response.headers.get("x-request-id") ?? "")
      open.push(response.text().then(() => ({ requestId: "" })))
    }
    await gateway.stop(200)
    await Promise.all(open)
    const rows = await ledger.rows<{ id: string }>(
      "SELECT DISTINCT request_id AS id FROM request_content_captures WHERE part = 'answer'",
    )
    expect(rows.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
    await gateway[Symbol.asyncDispose]()
  })
})

test("expressions that would never end elsewhere: content is redacted and stored", async () => {
  await using gateway = await router({ path: "usage.sqlite" }, { redaction_patterns: ["(?:a+)+b"] })
  const id = await served(gateway, `${"a".repeat(4000)} aaab ${"a".repeat(20_000)}`)
  const { request } = await partsOf(gateway, id)
  expect(request?.redactions).toBe(1)
  expect(request?.content).not.toContain("aaab")
})
