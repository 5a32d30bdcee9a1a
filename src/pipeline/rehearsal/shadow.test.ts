/** Whatever a shadow does, its call goes on; what it did is noted. */
import { describe, expect, test } from "bun:test"
import type { Group, StrategySettings, Target } from "../../config/snapshot.ts"
import { Observations } from "../../routing/observations.ts"
import type { Ranking, Strategy } from "../../routing/strategy.ts"
import type { AdmittedCall } from "../call.ts"
import type { Decision } from "../call/decision.ts"
import type { Gateway } from "../gateway.ts"
import { Shadows, ShadowView } from "./shadow.ts"

const TARGET = { index: 0, observed: { key: "t", windowMs: 1, enough: 1 } } as Target
const GROUP = { name: "g" } as Group
const SETTINGS = { strategy: "script" } as StrategySettings
const CALL = { snapshot: { telemetry: null }, group: GROUP } as AdmittedCall
const RANKING: Ranking = { order: [TARGET], mode: "configured", classLabel: null, lane: null, explanation: null }

function gatewayWith(script: Strategy): Gateway {
  const known = {
    strategies: { script },
    live: new Observations(),
    random: { number: () => 0 },
    clock: { monotonicMs: () => 0 },
  }
  return known as unknown as Gateway
}

function started(script: Strategy, shadows = new Shadows()): Decision {
  const decision = { shortlist: { eligible: [TARGET], rejected: [] }, shadow: null } as unknown as Decision
  shadows.start(SETTINGS, decision, CALL, gatewayWith(script))
  return decision
}

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe("a shadow", () => {
  test("is asked after the step that starts it, with the same targets", async () => {
    let asked: readonly Target[] | null = null
    const { shadow } = started((targets) => {
      asked = targets
      return RANKING
    })
    expect(asked).toBeNull()
    await turn()
    expect(asked as readonly Target[] | null).toEqual([TARGET])
    expect(shadow).toEqual({ ranking: RANKING, error: null, policy: null })
  })

  test.each<[string, Strategy]>([
    [
      "throws",
      () => {
        throw new TypeError("broken")
      },
    ],
    ["rejects", () => Promise.reject(new TypeError("broken"))],
  ])("that %s is noted by the error's name only", async (_, script) => {
    const { shadow } = started(script)
    await turn()
    expect(shadow).toEqual({ ranking: null, error: "TypeError", policy: null })
  })

  test("that answers later is noted when it does", async () => {
    const answer = Promise.withResolvers<Ranking>()
    const { shadow } = started(() => answer.promise)
    await turn()
    expect(shadow).toEqual({ ranking: null, error: null, policy: null })
    answer.resolve(RANKING)
    await turn()
    expect(shadow?.ranking).toBe(RANKING)
  })

  test("that never answers does not pile up without bound, and leaves room when it ends", async () => {
    const shadows = new Shadows()
    const answer = Promise.withResolvers<Ranking>()
    for (let count = 0; count < 256; count++) started(() => answer.promise, shadows)
    expect(started(() => RANKING, shadows).shadow?.error).toBe("busy")
    await turn()
    answer.resolve(RANKING)
    await turn()
    const { shadow } = started(() => RANKING, shadows)
    await turn()
    expect(shadow?.ranking).toBe(RANKING)
  })
})

test("a shadow's leader is its own", () => {
  const live = new Observations()
  const view = new ShadowView(live)
  view.follow(GROUP, 2, TARGET)
  expect(view.leader(GROUP, 2)).toBe("t")
  expect(live.leader(GROUP, 2)).toBeNull()
})
