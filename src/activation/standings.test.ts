/** Which of the records count, of which group and dialect, and until when. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { KEYS, mustLoad, SMALLEST } from "../../test/helpers/load-text.ts"
import { compile } from "../config/compile/compile.ts"
import type { Group } from "../config/snapshot.ts"
import { CAPABILITIES } from "./capabilities.ts"
import { dueChecks } from "./due.ts"
import { fingerprintOf } from "./fingerprint.ts"
import { reasonAgainst } from "./gate.ts"
import type { ActivationRecord } from "./record.ts"
import { recordsOf, rowOf } from "./rows.ts"
import { Standings } from "./standings.ts"

const TRUSTED = `ed25519:${"A".repeat(43)}`
const HOUR = 3_600_000
const RULE = `activation: { expires_after: 24h, revalidate: 12h, trust: ["${TRUSTED}"] }`
const YAML = SMALLEST.replace("    strategy: static\n", `    strategy: static\n    ${RULE}\n`)
const group: Group = compile(mustLoad(YAML, { env: KEYS }), { userAgent: "test" }).groups.get("default")!
const target = group.targets[0]!

function record(parts: Partial<ActivationRecord> = {}): ActivationRecord {
  const { group: through = null, capability = "text" } = parts
  return {
    provider: target.provider.name,
    model: target.model,
    group: through,
    dialect: "openai-chat",
    capability,
    result: "pass",
    checkedAtMs: HOUR,
    expiresAtMs: 100 * HOUR,
    fingerprint: fingerprintOf(target, through, capability),
    source: "validate",
    evidence: { requestIds: [], counters: {}, timings: {}, askedHash: null, reason: null },
    ...parts,
  }
}

const OTHER = "0".repeat(64)
const fails = { result: "fail" } as const
const imported = { source: "import", signer: TRUSTED } as const
const ofGroup = { group: "default" }
const later = { checkedAtMs: 2 * HOUR }

type Case = readonly [
  what: string,
  records: readonly Partial<ActivationRecord>[],
  reason: string | null,
  atHour?: number,
]
const CASES: readonly Case[] = [
  ["nothing", [], "activation-missing-text"],
  ["a direct check", [{}], null],
  ["a check through the group", [ofGroup], null],
  ["a check through another group", [{ group: "others" }], "activation-missing-text"],
  ["a check in another dialect", [{ ...ofGroup, dialect: "anthropic" }], "activation-missing-text"],
  ["a failure", [fails], "activation-failed-text"],
  ["a failure before", [fails, later], null],
  ["a failure since", [{}, { ...fails, ...later }], "activation-failed-text"],
  ["a failure since, that comes first", [{ ...fails, ...later }, {}], "activation-failed-text"],
  ["a failure through the group", [later, { ...fails, ...ofGroup }], "activation-failed-text"],
  ["a failure of calls, and a check since", [later, { ...fails, ...ofGroup, source: "traffic" }], null],
  ["a failure of calls since", [{}, { ...fails, ...ofGroup, ...later, source: "traffic" }], "activation-failed-text"],
  ["another configuration", [{ fingerprint: OTHER }], "activation-changed"],
  ["another configuration, and this one", [{ ...later, fingerprint: OTHER }, {}], null],
  ["a failure of another configuration", [{ ...fails, ...later, fingerprint: OTHER }, {}], null],
  ["the last moment of a record", [{}], null, 24.9],
  ["a record that is too old", [{}], "activation-expired", 25],
  ["an imported record", [imported], null],
  ["an imported record that says less", [{ ...imported, expiresAtMs: 3 * HOUR }], "activation-expired", 3],
  ["an imported record that says more", [imported], "activation-expired", 25],
  ["a signer who is not trusted", [{ ...imported, signer: `ed25519:${"B".repeat(43)}` }], "activation-missing-text"],
  ["an import without signer", [{ source: "import" }], "activation-missing-text"],
]

describe("a call of the target's own dialect, after", () => {
  test.each(CASES)("%s", (_, parts, reason, atHour = 2.5) => {
    const standings = new Standings()
    standings.adopt(recordsOf(parts.map((one, index) => rowOf(record(one), index))))
    expect(reasonAgainst(standings, group, target, "openai-chat", ["text"], atHour * HOUR)).toBe(reason as null)
  })
})

test("a call of another dialect needs checks through the group; whether the key may use the model is no matter of dialect", () => {
  const standings = new Standings()
  const asked = (): unknown => reasonAgainst(standings, group, target, "anthropic", ["entitlement", "text"], 2 * HOUR)
  standings.adopt([record(), record({ capability: "entitlement" })])
  expect(asked()).toBe("activation-missing-text")
  standings.adopt([record({ ...ofGroup, dialect: "anthropic" })])
  expect(asked()).toBeNull()
})

test("in whatever order and portions records come, the same stands", () => {
  const some = fc.record({
    group: fc.constantFrom(null, "default"),
    result: fc.constantFrom("pass" as const, "fail" as const),
    checkedAtMs: fc.integer({ min: 1, max: 20 }).map((hour) => hour * HOUR),
    source: fc.constantFrom("validate" as const, "traffic" as const),
  })
  const distinct = fc.uniqueArray(some, { maxLength: 8, selector: ({ checkedAtMs }) => checkedAtMs })
  const shuffled = distinct.chain((records) =>
    fc.tuple(fc.constant(records), fc.shuffledSubarray(records, { minLength: records.length })),
  )
  const after = (parts: readonly Partial<ActivationRecord>[], atOnce: boolean): unknown => {
    const standings = new Standings()
    const records = parts.map(record)
    const against = (): unknown => reasonAgainst(standings, group, target, "openai-chat", ["text"], 21 * HOUR)
    if (atOnce) standings.adopt(records)
    else
      for (const one of records) {
        standings.adopt([one])
        // what was worked out before must not stay
        against()
      }
    return against()
  }
  fc.assert(
    fc.property(shuffled, ([records, others]) => {
      expect(after(others, false)).toEqual(after(records, true))
    }),
    { numRuns: 100 },
  )
})

describe("due is", () => {
  const cases: readonly (readonly [string, Partial<ActivationRecord> | null, atHour: number, isDue: boolean])[] = [
    ["nothing that was never checked", null, 50, false],
    ["nothing that is young", {}, 10, false],
    ["what is older than the group says", {}, 13.1, true],
    ["what has expired", {}, 26, true],
    ["what calls have suspended", { ...fails, ...ofGroup, source: "traffic" }, 1.1, true],
    ["no failure of a check that is young", fails, 2, false],
    ["a failure that is old", fails, 13.1, true],
    ["what was proven of another configuration", { fingerprint: OTHER }, 1.1, true],
  ]
  test.each(cases)("%s", (_, parts, atHour, isDue) => {
    const standings = new Standings()
    if (parts !== null) standings.adopt([record(parts)])
    const due = dueChecks([group, group], standings, atHour * HOUR)
    expect(due.map(({ capabilities }) => capabilities)).toEqual(isDue ? [["text"]] : [])
  })
})

test("a row gives the record back that it was made of", () => {
  const one = record({
    ...imported,
    ...ofGroup,
    evidence: {
      requestIds: ["req 1", "chatcmpl-2"],
      counters: { cost_nano_usd: 12, calls: 3 },
      timings: { first_token_ms: 41 },
      askedHash: OTHER,
      reason: "because",
    },
  })
  const row = rowOf(one, 5 * HOUR)
  expect(row).toMatchObject({
    cost_nano_usd: 12,
    model_group: "default",
    record_id: expect.stringMatching(/^act_0000/),
  })
  expect(recordsOf([row])).toEqual([{ ...one, evidence: { ...one.evidence, requestIds: ["req_1", "chatcmpl-2"] } }])
  expect(recordsOf([{ ...row, capability: "telepathy" }])).toEqual([])
  expect(CAPABILITIES).not.toContain("telepathy")
})
