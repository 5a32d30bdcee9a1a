/** What is stored opens with its key, for its call, as it was stored; else it is not shown, and nothing new is stored wrongly. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { ALL_PARTS, capturing, CONTENT_ENV, KEY, OTHER_KEY, partsOf, readContent } from "../../helpers/content.ts"
import { parsed } from "../../helpers/expectations.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { type LedgerState, onDrawnDriver } from "../../helpers/ledger-drivers.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

setDefaultTimeout(300_000)

const watcher = newToken("watcher")

onDrawnDriver((driver) => {
  let upstream: FakeUpstream
  let state: LedgerState
  const gateways: LocalGateway[] = []

  beforeAll(async () => {
    upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
    state = await driver.state()
  })
  afterAll(async () => {
    for (const gateway of gateways) await gateway[Symbol.asyncDispose]()
    await state[Symbol.asyncDispose]()
    await upstream.stop()
  })

  async function router(encryption: object): Promise<LocalGateway> {
    const gateway = await startGateway({
      upstreams: { upstream },
      env: CONTENT_ENV,
      configure: (config) => {
        capturing(config, { ...ALL_PARTS, encryption })
        config.server["usage_db"] = state.usageDb
        config.callers.push(callerEntry("watcher", watcher, [], { metrics_admin: true }))
      },
    })
    gateways.push(gateway)
    return gateway
  }
  const call = async (gateway: LocalGateway): Promise<string> => {
    const answer = await gateway.call("chat", SAMPLES.chat.request())
    expect([answer.status, answer.text]).toEqual([200, SAMPLES.chat.unary("Hi there")])
    return answer.requestId
  }
  const stored = async (gateway: LocalGateway): Promise<string> => {
    const id = await call(gateway)
    await partsOf(gateway, id)
    return id
  }
  const why = async (gateway: LocalGateway, id: string): Promise<unknown> => {
    const answer = await readContent(gateway, id)
    expect(answer.text).not.toContain("Hi there")
    const error = at(parsed(answer), "error")
    return [answer.status, at(error, "code"), at(error, "details", "reason")]
  }

  test("content that was changed, moved to another call or cut short is not shown", async () => {
    const gateway = await router({ local_key_id: "k1", local_key: KEY })
    const ids: string[] = []
    for (let count = 0; count < 6; count += 1) ids.push(await stored(gateway))
    const [one, other, changed, elsewhere, cut, whole] = ids as [string, string, string, string, string, string]
    const set = (id: string, what: string, part = "answer"): string =>
      `UPDATE request_content_captures SET ${what} WHERE request_id = '${id}' AND part = '${part}'`
    await state.change([
      set(one, "request_id = 'swapped'"),
      set(other, `request_id = '${one}'`),
      "UPDATE request_content_captures SET request_id = '" + other + "' WHERE request_id = 'swapped'",
      set(changed, "truncated = 1"),
      set(elsewhere, "caller_project = 'theirs', caller_environment = 'x'"),
      set(cut, "pieces = 2"),
    ])
    const row = await state.rows<{ sealed: Uint8Array }>(
      `SELECT sealed FROM request_content_captures WHERE request_id = '${whole}' AND part = 'request'`,
    )
    const sealed = Buffer.from(row[0]!.sealed)
    sealed[20]! ^= 1
    const literal = driver.name === "sqlite" ? `x'${sealed.toString("hex")}'` : `'\\x${sealed.toString("hex")}'::bytea`
    await state.change([set(whole, `sealed = ${literal}`, "request")])
    const damaged = [500, "content-unreadable", "damaged"]
    for (const id of [one, other, changed, elsewhere, whole]) expect(await why(gateway, id)).toEqual(damaged)
    expect(await why(gateway, cut)).toEqual([500, "content-unreadable", "incomplete"])
    await gateway.stop()
  })

  describe("keys", () => {
    let old: string

    test("a new key under a new label: what the old one sealed stays readable while it is named", async () => {
      const before = await router({ local_key_id: "k2", local_key: KEY })
      old = await stored(before)
      before.prepared.rewrite((config) => {
        const capture = config.server["content_capture"] as Record<string, unknown>
        const previous_keys = [{ local_key_id: "k2", local_key: KEY }]
        capture["encryption"] = { local_key_id: "k3", local_key: OTHER_KEY, previous_keys }
      })
      before.requestReload()
      const ids: string[] = []
      await eventually("the new key seals", async () => {
        const id = await stored(before)
        ids.push(id)
        const [row] = await state.rows<{ key: string }>(
          `SELECT local_key_id AS key FROM request_content_captures WHERE request_id = '${id}'`,
        )
        return row?.key === "k3" ? true : undefined
      })
      for (const id of [old, ...ids]) expect((await readContent(before, id)).status).toBe(200)
      await before.stop()
      const without = await router({ local_key_id: "k3", local_key: OTHER_KEY })
      expect(await why(without, old)).toEqual([500, "content-unreadable", "key-missing"])
      expect((await readContent(without, ids.at(-1)!)).status).toBe(200)
      await without.stop()
    })

    test("another key under the same label: calls go on, nothing is stored, and the alarm is out until it is right", async () => {
      const gateway = await router({ local_key_id: "k2", local_key: OTHER_KEY })
      const ready = async (): Promise<unknown> => {
        const answer = await get(gateway, "/readyz", { token: watcher })
        expect(answer.status).toBe(200)
        return at(parsed(answer), "content_capture")
      }
      const lost = [await call(gateway), await call(gateway)]
      await eventually("the alarm is out", async () => (at(await ready(), "state") === "stopped" ? true : undefined))
      lost.push(await call(gateway))
      expect(await ready()).toMatchObject({ state: "stopped", reason: "key", lost: { key: 3 } })
      const { text } = await get(gateway, "/metrics", { token: watcher })
      readExposition(text)
      expect(text).toContain("smart_router_content_capture_up 0\n")
      expect(text).toContain('smart_router_content_capture_lost_total{reason="key"} 3\n')
      expect(await why(gateway, old)).toEqual([500, "content-unreadable", "key-wrong"])
      gateway.prepared.rewrite((config) => {
        const capture = config.server["content_capture"] as Record<string, unknown>
        capture["encryption"] = { local_key_id: "k2", local_key: KEY }
      })
      gateway.requestReload()
      await eventually("it is right again", async () => (at(await ready(), "state") === "ok" ? true : undefined))
      await stored(gateway)
      for (const id of lost) expect((await readContent(gateway, id)).status).toBe(404)
      await gateway.stop()
    })

    test("a key of the day that is gone is made anew, so that what is stored can be read", async () => {
      const gateway = await router({ local_key_id: "k2", local_key: KEY })
      const before = await stored(gateway)
      await state.change(["DELETE FROM content_data_keys WHERE local_key_id = 'k2'"])
      await stored(gateway)
      expect(await why(gateway, before)).toEqual([500, "content-unreadable", "damaged"])
      await gateway.stop()
    })
  })
})
