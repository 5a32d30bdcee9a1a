/** `smart-router replay` over what earlier routers have recorded, on each kind of database. */
import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { dirname } from "node:path"
import type { ShapeFeatureRow } from "../../../src/ledger/decision-record.ts"
import type { CallRecord } from "../../../src/ledger/record.ts"
import type { ReplayReport } from "../../../src/replay/replay.ts"
import { systemClock } from "../../../src/system/clock.ts"
import { runHere, type Ended } from "../../helpers/command-line.ts"
import { onDrawnDriver, type LedgerState } from "../../helpers/ledger-drivers.ts"
import { pastCall, recorded, replayConfig } from "../../helpers/past-calls.ts"

const MINUTE = 60_000
const CALLS = 650

onDrawnDriver((driver) => {
  async function replay(state: LedgerState, group: object = {}, ...args: readonly string[]): Promise<Ended> {
    const folder = dirname(state.path)
    const config = replayConfig(folder, { usageDb: state.usageDb, group })
    return runHere(["replay", "--config", config, ...args])
  }

  async function reported(state: LedgerState, group: object = {}, ...args: readonly string[]): Promise<ReplayReport> {
    const { code, out, err } = await replay(state, group, ...args, "--json")
    expect([code, err]).toEqual([0, ""])
    return JSON.parse(out) as ReplayReport
  }

  async function stateWith(calls: (now: number) => readonly CallRecord[]): Promise<LedgerState> {
    const state = await driver.state()
    const ledger = await state.open()
    await recorded(ledger, calls(systemClock.now()))
    await ledger.close()
    return state
  }

  test("every call of the range counts once, with its reason where it is left out", async () => {
    await using state = await stateWith((now) => [
      ...Array.from({ length: CALLS }, (_, index) => {
        const ts = now - 30 * MINUTE + index
        if (index % 13 === 0) return pastCall(ts, index, { shape: null })
        if (index % 13 === 1) return pastCall(ts, index, { usage: { target_provider: null, target_model: null } })
        if (index % 13 === 2) return pastCall(ts, index, { usage: { caller_id: "somebody" } })
        if (index % 13 === 3) return pastCall(ts, index, { usage: { requested_model: "x", resolved_group: "x" } })
        if (index % 13 === 4)
          return pastCall(ts, index, { usage: { requested_model: "", resolved_group: "", target_provider: null } })
        return pastCall(ts, index)
      }),
      pastCall(now - 3 * 60 * MINUTE, CALLS + 1),
    ])
    const report = await reported(state, {}, "--since", "2h")
    const each = CALLS / 13
    expect(report).toMatchObject({
      complete: true,
      calls: CALLS,
      decided: 8 * each,
      skipped: { "no-telemetry": each, "not-served": 2 * each, "not-allowed": each, "no-group": each },
    })
    const [fast] = report.groups
    expect(fast).toMatchObject({ decided: 8 * each, moved: 0, refused: 0 })
    expect((fast?.latency.calls ?? 0) + (fast?.latency.unknown ?? 0)).toBe(8 * each)
    expect((fast?.cost.calls ?? 0) + (fast?.cost.unknown ?? 0)).toBe(8 * each)
    expect((await reported(state, {}, "--since", "4h")).calls).toBe(CALLS + 1)
  })

  test("moved to another target: its prices, and a cold cache for what was read from one", async () => {
    await using state = await stateWith((now) => [
      pastCall(now - MINUTE, 1),
      pastCall(now - MINUTE, 2, { shape: KEYED }),
    ])
    const report = await reported(state, { targets: [{ provider: "beta", model_ref: "m" }] })
    // 1,234 input tokens at 1.5 USD for a million, 321 output tokens at 7.5
    expect(report.groups[0]?.cost).toEqual({
      calls: 2,
      before_nano_usd: 2 * 7_885_200,
      after_nano_usd: 2 * (1_851_000 + 2_407_500),
      unknown: 0,
      cold_calls: 2,
      cold_tokens: 2 * 234,
    })
    expect(report.groups[0]?.latency).toMatchObject({ calls: 0, unknown: 2, before_p50_ms: null, after_p50_ms: null })
  })

  const KEYED: Partial<ShapeFeatureRow> = { conversation_kind: "session", conversation_key: "one" }
  const CONVERSATIONS = 40
  const TURNS = 5

  /** Turn by turn, all conversations in each turn. */
  function talks(now: number, gapMs: number, shapeOf: (talk: number, turn: number) => Partial<ShapeFeatureRow>) {
    return Array.from({ length: TURNS * CONVERSATIONS }, (_, index) => {
      const turn = Math.floor(index / CONVERSATIONS)
      const ts = now - MINUTE - (TURNS - turn) * gapMs + (index % CONVERSATIONS)
      return pastCall(ts, index, { shape: shapeOf(index % CONVERSATIONS, turn) })
    })
  }

  const WEIGHTED = { strategy: "weighted" }
  const bySession = (talk: number): Partial<ShapeFeatureRow> => ({
    conversation_kind: "session",
    conversation_key: `talk ${talk}`,
  })
  const byTurns = (talk: number, turn: number): Partial<ShapeFeatureRow> => ({
    conversation_kind: "first-turns",
    conversation_key: turn === 0 ? `opening ${talk}` : `both ${talk}`,
    conversation_opening: turn === 0 ? null : `opening ${talk}`,
  })

  test("conversations stay on one target, as long and as many as the group says", async () => {
    await using state = await stateWith((now) => talks(now, MINUTE, bySession))
    const [pinned] = (await reported(state, WEIGHTED)).groups
    expect(pinned?.targets.map(({ calls_after }) => calls_after % TURNS)).toEqual([0, 0])
    // each conversation that moves finds a cold cache once
    expect(pinned?.cost.cold_calls).toBe((pinned?.moved ?? 0) / TURNS)
    const free = await reported(state, { ...WEIGHTED, affinity: { enabled: false } })
    expect(free.groups[0]?.cost.cold_calls).toBeGreaterThan((pinned?.cost.cold_calls ?? 0) * 2)
    for (const affinity of [{ ttl_seconds: 59 }, { max_entries: 1 }])
      expect((await reported(state, { ...WEIGHTED, affinity })).groups).toEqual(free.groups)
  })

  test("a conversation without a name is known by its first turns, and its first call is drawn freely", async () => {
    await using state = await stateWith((now) => talks(now, MINUTE, byTurns))
    const [pinned] = (await reported(state, WEIGHTED)).groups
    expect(pinned?.targets.map(({ calls_after }) => calls_after % TURNS)).toEqual([0, 0])
  })

  test("calls that begin with the same words are each a conversation of its own", async () => {
    await using state = await stateWith((now) => talks(now, MINUTE, () => byTurns(0, 0)))
    const targetsOf = (report: ReplayReport) => report.groups[0]?.targets
    const free = targetsOf(await reported(state, { ...WEIGHTED, affinity: { enabled: false } }))
    expect(targetsOf(await reported(state, WEIGHTED))).toEqual(free)
  })

  test("sealed reasoning pins with every strategy", async () => {
    await using state = await stateWith((now) => talks(now, MINUTE, (talk) => ({ ...bySession(talk), has_seals: 1 })))
    const script = "scripts-alternate.ts"
    await Bun.write(
      `${dirname(state.path)}/${script}`,
      "export const route = () => ({ targetIndex: Math.random() < 0.5 ? 1 : 0 })",
    )
    const [group] = (await reported(state, { strategy: "script", script })).groups
    expect(group?.targets.map(({ calls_after }) => calls_after % TURNS)).toEqual([0, 0])
  })

  test("a script that counts what was not counted finds nothing, and that is counted", async () => {
    await using state = await stateWith((now) => [
      pastCall(now - MINUTE, 1, { shape: { text_chars: 9000, message_count: 1 } }),
      pastCall(now - MINUTE, 2, { shape: { text_chars: null, message_count: null } }),
    ])
    const text = "export const route = (ctx) => ({ targetIndex: ctx.context.textChars > 8000 ? 1 : 0 })"
    await Bun.write(`${dirname(state.path)}/chars.ts`, text)
    const [group] = (await reported(state, { strategy: "script", script: "chars.ts" })).groups
    expect(group).toMatchObject({ decided: 2, moved: 1, policy: { runs: 2, without_content: 1 } })
  })

  test("nothing in the range: exit code 0, and when the newest call was made", async () => {
    await using state = await stateWith((now) => [pastCall(now - 60 * MINUTE, 1)])
    const { code, out } = await replay(state, {}, "--since", "5m")
    expect(code).toBe(0)
    expect(out).toMatch(/^No call was recorded in this time\. The newest is of \d{4}-\d\d-\d\dT/)
    expect(await reported(state, {}, "--since", "5m")).toMatchObject({ calls: 0, decided: 0, groups: [] })
  })

  test("a schema of an older router: exit code 1, and what to do", async () => {
    await using state = await stateWith(() => [])
    const older = "DELETE FROM schema_migrations WHERE version > 7"
    if (driver.name === "sqlite") new Database(state.path).run(older)
    else await state.rows(older)
    const { code, err, out } = await replay(state)
    expect([code, out]).toEqual([1, ""])
    expect(err).toContain("its schema has version 7, and this smart-router reads from 12 on: start the router once")
  })
})
