import { expect, test } from "bun:test"
import type { CheckKind } from "./check-kinds.ts"
import type { Check, CompiledLimits } from "./state.ts"
import { Withheld } from "./withheld.ts"

const KEY = "caller:one"

function limitsOf(kind: CheckKind, perSecond = 0): CompiledLimits {
  const check: Check = { kind, subject: 0, limit: 10, perSecond, softLimit: Infinity }
  return {
    subjects: [{ key: KEY, scope: "caller", id: "one" }],
    checks: [check],
    countsTokens: false,
    countsMoney: false,
    shapes: false,
    queue: null,
  }
}

function isRefused(withheld: Withheld, limits: CompiledLimits, nowMs: number): boolean {
  try {
    withheld.refuse(limits, nowMs)
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: "usage-store-unavailable", status: 503, retryAfterS: 5 })
    return true
  }
}

const needsPast: readonly (readonly [kind: CheckKind, perSecond: number, atOnce: boolean, aMinuteLater: boolean])[] = [
  ["concurrent", 0, false, false],
  ["request_start", 5, false, false],
  ["input_tokens", 5, false, false],
  ["rpm", 0, true, false],
  ["tpm", 0, true, false],
  ["day_requests", 0, true, true],
  ["month_tokens", 0, true, true],
  ["lifetime_tokens", 0, true, true],
  ["day_nano_usd", 0, true, true],
]

test.each(needsPast)(
  "a limit of the kind %s waits for what was used before as long as it counts that",
  (kind, perSecond, atOnce, aMinuteLater) => {
    const withheld = new Withheld()
    withheld.add([KEY], 1000)
    expect(isRefused(withheld, limitsOf(kind, perSecond), 1000)).toBe(atOnce)
    expect(isRefused(withheld, limitsOf(kind, perSecond), 1000 + 61_000)).toBe(aMinuteLater)
    withheld.known(KEY)
    expect(isRefused(withheld, limitsOf(kind, perSecond), 1000)).toBe(false)
  },
)
