/** Rows of activation records, on each kind of database. */
import { expect, test } from "bun:test"
import { onEachDriver } from "../../test/helpers/ledger-drivers.ts"
import { type ActivationRow, activationIdFrom } from "./activation.ts"

const DAY = 86_400_000
const T0 = Date.UTC(2027, 0, 1)
let count = 0
const row = (parts: Partial<ActivationRow> = {}, writtenMs = T0): ActivationRow => ({
  record_id: `${activationIdFrom(writtenMs)}_${String(++count).padStart(4, "0")}`,
  checked_at: writtenMs,
  expires_at: writtenMs + 7 * DAY,
  provider: "alpha",
  model: "m-1",
  model_group: "",
  dialect: "openai-chat",
  capability: "tools",
  result: "pass",
  fingerprint: "f1",
  source: "validate",
  signer: null,
  request_ids: "r1 r2",
  counters: "calls=1",
  timings: "",
  asked_hash: null,
  reason: null,
  cost_nano_usd: null,
  ...parts,
})

onEachDriver((driver) => {
  test("the newest of each kind, what came since, what it cost, and what goes", async () => {
    await using state = await driver.state()
    const { activation } = await state.open()
    const old = row({ cost_nano_usd: 5 })
    const fresh = row({ result: "fail", cost_nano_usd: 7, reason: "why" }, T0 + DAY)
    const others = [
      row({ model_group: "fast" }),
      row({ capability: "text" }),
      row({ fingerprint: "f2" }),
      row({ signer: "s", source: "import", cost_nano_usd: 1000 }),
    ]
    await activation.add([fresh, old, ...others])
    await activation.add([old])
    const byId = (rows: readonly ActivationRow[]): readonly ActivationRow[] =>
      rows.toSorted((left, right) => (left.record_id < right.record_id ? -1 : 1))
    expect(byId(await activation.newest())).toEqual(byId([fresh, ...others]))
    expect(await activation.writtenSince(T0 + 1)).toEqual([fresh])
    expect(await activation.costsSince(T0)).toEqual([{ provider: "alpha", model: "m-1", model_group: "", cost: 12 }])
    expect(await activation.costsSince(T0 + 1)).toMatchObject([{ cost: 7 }])
    // a record that nothing supersedes stays until it has expired long ago
    await activation.forget(T0 + 30 * DAY, T0)
    expect(byId(await activation.writtenSince(0))).toEqual(byId([fresh, ...others]))
    await activation.forget(T0, T0 + 7 * DAY + 1)
    expect(await activation.writtenSince(0)).toEqual([fresh])
  })

  test("of many records, calls have their turn in between", async () => {
    await using state = await driver.state()
    const { activation } = await state.open()
    const rows = Array.from({ length: 1201 }, (_, at) => row({ provider: `p${at % 3}` }, T0 + at))
    await activation.add(rows)
    expect((await activation.writtenSince(T0 + 100)).length).toBe(1101)
    expect((await activation.newest()).map(({ record_id: id }) => id).toSorted()).toEqual(
      rows.slice(-3).map(({ record_id: id }) => id),
    )
    await activation.forget(T0 + 1000, 0)
    expect(await activation.writtenSince(0)).toEqual(rows.slice(1000))
    await activation.forget(T0 + 5000, 0)
    expect(await activation.writtenSince(0)).toEqual(rows.slice(-3))
  })

  test("one of many holds the lease, until it ends or another process takes it behind its end", async () => {
    await using state = await driver.state()
    const { activation } = await state.open()
    const holders = ["a", "b", "c", "d"]
    const got = await Promise.all(holders.map((holder) => activation.lease(holder, T0, T0 + 100)))
    expect(got.filter(Boolean)).toHaveLength(1)
    const first = holders[got.indexOf(true)]!
    const other = holders.find((holder) => holder !== first)!
    expect(await activation.lease(first, T0 + 50, T0 + 150)).toBe(true)
    expect(await activation.lease(other, T0 + 149, T0 + 250)).toBe(false)
    expect(await activation.lease(other, T0 + 150, T0 + 250)).toBe(true)
    expect(await activation.lease(first, T0 + 151, T0 + 251)).toBe(false)
  })
})
