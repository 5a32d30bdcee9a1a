/** The counts on servers as operators have them: with passwords, rules, TLS, replicas and bounds. */
import { describe, expect, test } from "bun:test"
import path from "node:path"
import { eventually } from "../../../test/helpers/client.ts"
import { certificates, startRedis, WITHOUT_REDIS } from "../../../test/helpers/redis.ts"
import { call, counted, granted, limitsOf, openShared } from "../../../test/helpers/shared-state.ts"
import { RouterError } from "../../errors.ts"
import type { Log } from "../../system/log.ts"
import type { SharedOptions, SharedState } from "./shared.ts"

const used = (tokens: number) => ({ requests: 1 as const, tokens, nanoUsd: 0 })
const LIMITS = limitsOf({ day_tokens: 1000, concurrent: 5 })
const SECRET = "a-Secret-of-the-store"
/** As docs/operations.md has it. */
const RULES = "~{smart-router}:* resetchannels -@all +@read +@write +@connection -@dangerous +eval +evalsha +time"

/** There is no other process whose calls a new store would have to wait for. */
const openAlone = (url: string, more: Partial<SharedOptions> = {}): Promise<SharedState> =>
  openShared(url, { recountMs: 0, ...more })

const admitted = (state: SharedState, tokens: number): Promise<string> =>
  state.admit(call(LIMITS, tokens)).then(
    ({ kind }) => kind,
    (error: unknown) => (error instanceof RouterError ? error.code : String(error)),
  )

function keepingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const keep = (message: string, fields: object = {}): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
  return { lines, info: keep, warn: keep, error: keep }
}

/** One call admitted, settled and counted. */
async function serves(state: SharedState): Promise<void> {
  const lease = granted(await state.admit(call(LIMITS, 100)))
  expect(await state.extend(lease, 50, 0)).toBeNull()
  expect(await counted(state, LIMITS)).toEqual([0, 150])
  state.renew([lease])
  state.settle(lease, used(30), 0)
  await exactly(state, 30)
}

const exactly = (state: SharedState, settled: number): Promise<true> =>
  eventually("exact counts", async () => {
    const [is, reserved] = await counted(state, LIMITS).catch(() => [NaN, NaN])
    return is === settled && reserved === 0 ? true : undefined
  })

const isUp = (state: SharedState, expected: boolean): Promise<true> =>
  eventually(expected ? "the return" : "the outage", () => (state.isStoreUp === expected ? true : undefined))

describe.skipIf(WITHOUT_REDIS !== null)(`store${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  test("a wrong password is refused and stands in no log; the right one serves", async () => {
    await using redis = await startRedis({ options: ["--requirepass", SECRET], login: `:${SECRET}@` })
    const state = await openAlone(redis.url)
    await serves(state)
    const log = keepingLog()
    const wrong = await openAlone(redis.url.replace(SECRET, `${SECRET}-not`), { log })
    expect(await admitted(wrong, 1)).toBe("shared-state-unavailable")
    const none = await openAlone(redis.url.replace(`:${SECRET}@`, ""), { log })
    expect(await admitted(none, 1)).toBe("shared-state-unavailable")
    expect(log.lines.length).toBe(2)
    expect(log.lines.join()).not.toContain(SECRET)
    await Promise.all([state.close(), wrong.close(), none.close()])
  })

  test("a user who may do only what the documents say suffices", async () => {
    await using redis = await startRedis()
    await redis.command("ACL", "SETUSER", "router", "on", `>${SECRET}`, ...RULES.split(" "))
    const state = await openAlone(redis.url.replace("//", `//router:${SECRET}@`))
    await serves(state)
    await redis.command("FLUSHALL")
    await serves(state)
    await state.close()
  })

  for (const rule of ["-script", "-evalsha"])
    test(`a store serves where its provider forbids ${rule.slice(1)}`, async () => {
      await using redis = await startRedis()
      await redis.command("ACL", "SETUSER", "lame", "on", `>${SECRET}`, "~*", "+@all", rule)
      const state = await openAlone(redis.url.replace("//", `//lame:${SECRET}@`))
      await serves(state)
      await state.close()
    })

  test("TLS with an authority and a client certificate of one's own; nothing else is believed", async () => {
    const folder = path.resolve(import.meta.dir, "../../../test/fixtures/tls")
    const tls = {
      certificate: path.join(folder, "localhost-certificate-for-tests.pem"),
      key: path.join(folder, "localhost-key-for-tests.pem"),
    }
    await using redis = await startRedis({ tls })
    const { ca, cert, key } = certificates(tls)
    const state = await openAlone(redis.url, { tls: { ca, cert, key } })
    await serves(state)
    const elsewhere = redis.url.replace("localhost", "127.0.0.1")
    const strangers: (readonly [string, SharedOptions["tls"]])[] = [
      [redis.url, undefined],
      [redis.url, { cert, key }],
      [redis.url, { ca }],
      [elsewhere, { ca, cert, key }],
    ]
    for (const [url, wrong] of strangers) {
      const stranger = await openAlone(url, { tls: wrong })
      expect([url, Object.keys(wrong ?? {}), await admitted(stranger, 1)]).toEqual([
        url,
        Object.keys(wrong ?? {}),
        "shared-state-unavailable",
      ])
      await stranger.close()
    }
    await state.close()
  })

  for (const onUnavailable of ["fail_closed", "local"] as const) {
    const expected = onUnavailable === "local" ? "lease" : "shared-state-unavailable"

    test(`${onUnavailable}: a store that is full takes nothing, and leaks nothing once there is room`, async () => {
      await using redis = await startRedis()
      const state = await openAlone(redis.url, { onUnavailable })
      const flying = granted(await state.admit(call(LIMITS, 100)))
      await redis.command("CONFIG", "SET", "maxmemory", "1")
      expect(await admitted(state, 7)).toBe(expected)
      state.settle(flying, used(60), 0)
      await isUp(state, false)
      await redis.command("CONFIG", "SET", "maxmemory", "0")
      await isUp(state, true)
      await eventually("the end of what was in flight", async () => {
        const [settled] = await counted(state, LIMITS).catch(() => [NaN])
        return settled === 60 ? true : undefined
      })
      await state.close()
    })

    test(`${onUnavailable}: a store that turns into a replica is no store until it is promoted`, async () => {
      await using redis = await startRedis()
      const state = await openAlone(redis.url, { onUnavailable })
      const flying = granted(await state.admit(call(LIMITS, 100)))
      await redis.command("REPLICAOF", "127.0.0.1", "1")
      expect(await admitted(state, 7)).toBe(expected)
      state.settle(flying, used(60), 0)
      await isUp(state, false)
      await redis.command("REPLICAOF", "NO", "ONE")
      await isUp(state, true)
      await eventually("what was settled", async () => {
        const [settled] = await counted(state, LIMITS).catch(() => [NaN])
        return settled === 60 ? true : undefined
      })
      await state.close()
    })
  }
})
