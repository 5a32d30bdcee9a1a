/** Records are kept alive by one process of many, within the money, and by live calls; each change is recorded. */
import { describe, expect, test } from "bun:test"
import { HeldClock } from "../../test/helpers/held-clock.ts"
import { type LedgerState, sqliteState as sqlite } from "../../test/helpers/ledger-drivers.ts"
import { KEYS, mustLoad, SMALLEST } from "../../test/helpers/load-text.ts"
import { recordsFor } from "../../test/helpers/proofs.ts"
import type { CheckOrder, RunChecks } from "../activation/due.ts"
import { ALWAYS_NEEDED, type Capability } from "../activation/capabilities.ts"
import { rowOf } from "../activation/rows.ts"
import { RENEW_AFTER, SUSPEND_AFTER } from "../activation/traffic.ts"
import { compile } from "../config/compile/compile.ts"
import type { Snapshot } from "../config/snapshot.ts"
import type { ActivationRow, ActivationRows } from "../ledger/activation.ts"
import type { TrafficEvidence } from "../pipeline/targets/activation-gate.ts"
import { silentLog } from "../system/log.ts"
import { Activation } from "./activation.ts"

const HOUR = 3_600_000
const ROUND_MS = 65_000
const RULE = "activation: { revalidate: 24h, max_usd_per_day: 0.01 }"
const snapshot: Snapshot = compile(
  mustLoad(SMALLEST.replace("    strategy: static\n", `    strategy: static\n    ${RULE}\n`), { env: KEYS }),
  { userAgent: "test" },
)
const group = snapshot.groups.get("default")!
const [target] = group.targets
const TOOLS: readonly Capability[] = [...ALWAYS_NEEDED, "tools"]

type Ordered = Pick<CheckOrder, "capabilities" | "maxNanoUsd"> & { readonly holder: string }

interface Crew {
  readonly clock: HeldClock
  readonly rows: ActivationRows
  readonly orders: readonly Ordered[]
  written(): Promise<readonly ActivationRow[]>
  join(holder: string, runChecks?: RunChecks): Promise<Activation>
}

/** All of it is proven at the beginning. */
async function crewOn(state: LedgerState): Promise<Crew> {
  const clock = new HeldClock()
  const { activation: rows } = await state.open()
  const orders: Ordered[] = []
  const pass: RunChecks = ({ capabilities }) =>
    Promise.resolve(recordsFor(snapshot, "default", { provider: "openai", capabilities }, clock.now()))
  await rows.add(
    recordsFor(snapshot, "default", { provider: "openai", capabilities: TOOLS }, clock.now()).map((record) =>
      rowOf(record, clock.now()),
    ),
  )
  return {
    clock,
    rows,
    orders,
    written: () => rows.writtenSince(clock.now() - 1000 * HOUR),
    join: async (holder, runChecks = pass) => {
      const noting: RunChecks = (order) => {
        orders.push({ capabilities: order.capabilities, maxNanoUsd: order.maxNanoUsd, holder })
        return runChecks(order)
      }
      const one = new Activation({ rows, snapshot, clock, log: silentLog, holder, runChecks: noting })
      await one.prepare(snapshot)
      return one
    },
  }
}

const reason = (one: Activation, clock: HeldClock, needed: readonly Capability[] = TOOLS): unknown =>
  one.gate.against(group, target!, "openai-chat", needed, clock.now())

describe("of several processes on one ledger", () => {
  test("due checks are run once by one process of two, and both know what they showed", async () => {
    await using state = await sqlite()
    const crew = await crewOn(state)
    const { clock, orders } = crew
    const both = [await crew.join("a"), await crew.join("b")]
    await clock.advance(ROUND_MS)
    expect(orders).toEqual([])
    await clock.leap(25 * HOUR)
    await clock.advance(ROUND_MS)
    await clock.advance(ROUND_MS)
    expect(orders.map(({ capabilities }) => capabilities)).toEqual([TOOLS])
    expect(orders[0]).toMatchObject({ maxNanoUsd: 10_000_000 })
    for (const one of both)
      expect(one.standings.of(group, target!, "openai-chat").tools.record).toMatchObject({ source: "validate" })
    // both live by the second proof when the first has ended
    await clock.leap(6.5 * 24 * HOUR)
    for (const one of both) expect(reason(one, clock)).toBeNull()
    await Promise.all(both.map((one) => one.close()))
  })

  test("a process that is killed with the lease is followed by another when that ends", async () => {
    await using state = await sqlite()
    const crew = await crewOn(state)
    const { clock, orders, rows } = crew
    // the dead one
    expect(await rows.lease("dead", clock.now() + 25 * HOUR, clock.now() + 25 * HOUR + 120_000)).toBe(true)
    const one = await crew.join("b")
    await clock.leap(25 * HOUR)
    await clock.advance(60_000)
    expect(orders).toEqual([])
    await clock.advance(130_000)
    expect(orders.map(({ holder }) => holder)).toEqual(["b"])
    await one.close()
  })
})

describe("of one process", () => {
  test("nothing is checked beyond the money of the day, and again on the next", async () => {
    await using state = await sqlite()
    const crew = await crewOn(state)
    const { clock, orders, rows } = crew
    const one = await crew.join("a")
    const then = clock.now() + 25 * HOUR
    const [dear] = recordsFor(snapshot, "default", { provider: "openai", capabilities: ["caps"] }, then)
    await rows.add([
      rowOf({ ...dear!, evidence: { ...dear!.evidence, counters: { cost_nano_usd: 10_000_000 } } }, then),
    ])
    await clock.leap(25 * HOUR)
    await clock.advance(3 * ROUND_MS)
    expect(orders).toEqual([])
    await clock.leap(24 * HOUR)
    await clock.advance(ROUND_MS)
    expect(orders).toHaveLength(1)
    await one.close()
  })

  test("checks that cannot be run are tried again, not at once; a check that fails stands", async () => {
    await using state = await sqlite()
    const crew = await crewOn(state)
    const { clock, orders } = crew
    let isDown = true
    const one = await crew.join("a", ({ capabilities }) =>
      isDown
        ? Promise.reject(new Error("nobody answers"))
        : Promise.resolve(
            recordsFor(snapshot, "default", { provider: "openai", capabilities, result: "fail" }, clock.now()),
          ),
    )
    await clock.leap(25 * HOUR)
    await clock.advance(4 * ROUND_MS)
    expect(orders).toHaveLength(1)
    expect(reason(one, clock)).toBeNull()
    isDown = false
    await clock.advance(600_000)
    expect(orders).toHaveLength(2)
    expect(reason(one, clock)).toBe("activation-failed-entitlement")
    await one.close()
  })

  describe("live calls", () => {
    const call: TrafficEvidence = {
      group,
      target: target!,
      dialect: "openai-chat",
      needed: TOOLS,
      end: "answered",
      calledTools: true,
    }
    const hear = (one: Activation, count: number, end: Partial<TrafficEvidence> = {}): void => {
      for (let each = 0; each < count; each++) one.gate.heard({ ...call, ...end })
    }

    test("renew a record that is an hour old, and no younger one, nor one that has expired", async () => {
      await using state = await sqlite()
      const crew = await crewOn(state)
      const { clock } = crew
      const one = await crew.join("a", () => Promise.resolve([]))
      hear(one, RENEW_AFTER)
      await clock.advance(10_000)
      expect((await crew.written()).filter(({ source }) => source === "traffic")).toEqual([])
      await clock.leap(6 * 24 * HOUR)
      hear(one, RENEW_AFTER)
      await clock.advance(10_000)
      const renewed = (await crew.written()).filter(({ source }) => source === "traffic")
      expect(renewed.map(({ capability, result, counters }) => [capability, result, counters])).toEqual(
        ["entitlement", "text", "tools"].map((capability) => [capability, "pass", `calls=${RENEW_AFTER} faults=0`]),
      )
      await clock.leap(2 * 24 * HOUR)
      expect(reason(one, clock, ["entitlement", "text", "tools"])).toBeNull()
      // no answer shows that the budget is right
      expect(reason(one, clock)).toBe("activation-expired")
      await clock.leap(10 * 24 * HOUR)
      hear(one, RENEW_AFTER)
      expect(reason(one, clock, ["text"])).toBe("activation-expired")
      await one.close()
    })

    test("suspend what fails, in all processes, and have it checked", async () => {
      await using state = await sqlite()
      const crew = await crewOn(state)
      const { clock, orders } = crew
      const one = await crew.join("a")
      const other = await crew.join("b", () => Promise.resolve([]))
      hear(one, SUSPEND_AFTER - 1, { end: "fault" })
      hear(one, 1, { needed: ALWAYS_NEEDED })
      expect(reason(one, clock)).toBeNull()
      hear(one, 1, { end: "fault" })
      expect(reason(one, clock)).toBe("activation-failed-tools")
      expect(reason(one, clock, ALWAYS_NEEDED)).toBeNull()
      await clock.advance(1000)
      await other.prepare(snapshot)
      expect(reason(other, clock)).toBe("activation-failed-tools")
      await clock.advance(2 * ROUND_MS)
      expect(orders.map(({ capabilities }) => capabilities)).toContainEqual(["tools"])
      for (const each of [one, other]) expect(reason(each, clock)).toBeNull()
      await Promise.all([one.close(), other.close()])
    })

    test("that come while the ledger is down are written later", async () => {
      await using state = await sqlite()
      const crew = await crewOn(state)
      const { clock, rows } = crew
      let isDown = true
      const failing: ActivationRows = {
        ...rows,
        add: (some) => (isDown ? Promise.reject(new Error("down")) : rows.add(some)),
      }
      const one = new Activation({ rows: failing, snapshot, clock, log: silentLog, holder: "a", runChecks: null })
      await one.prepare(snapshot)
      hear(one, SUSPEND_AFTER, { end: "refused" })
      expect(reason(one, clock)).toBe("activation-failed-entitlement")
      await clock.advance(10_000)
      expect((await crew.written()).filter(({ source }) => source === "traffic")).toEqual([])
      isDown = false
      await clock.advance(10_000)
      expect((await crew.written()).filter(({ source }) => source === "traffic")).toMatchObject([{ result: "fail" }])
      await one.close()
    })
  })
})
