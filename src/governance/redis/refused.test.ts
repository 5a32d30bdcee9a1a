/** A call that any check refuses has taken nothing from any other: not from one before it, and not from one behind it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { CHECK_FACTS, CHECK_KINDS, type CheckKind } from "../check-kinds.ts"
import { call, drawId, granted, openShared, SUBJECTS } from "../../../test/helpers/shared-state.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../../test/helpers/redis.ts"
import { systemClock } from "../../system/clock.ts"
import { MemoryState } from "../memory.ts"
import type { Check, CompiledLimits, GovernanceState } from "../state.ts"

const BUCKETS = CHECK_KINDS.filter((kind) => CHECK_FACTS[kind].over === "bucket")
const AMPLE = 1e15
/** So slow that nothing comes back while the test runs. */
const SLOW = 1e-9

/** One call of 10 tokens input and 10 output passes, a second does not. */
function limitOf(kind: CheckKind): number {
  if (kind === "concurrent" || kind === "request_start" || kind === "rpm" || kind.endsWith("requests")) return 1
  if (kind.endsWith("nano_usd")) return 30
  return kind === "input_tokens" || kind === "output_reservation_tokens" ? 15 : 30
}

/** All checks of the caller and the project, of which `refusing` alone has no room for a second call. */
function limitsWith(refusing: CheckKind, who: number): CompiledLimits {
  const id = drawId()
  const checks = CHECK_KINDS.flatMap((kind) =>
    [0, 1].map((subject): Check => {
      const limit = kind === refusing && subject === who ? limitOf(kind) : AMPLE
      return { kind, subject, limit, perSecond: BUCKETS.includes(kind) ? SLOW : 0, softLimit: Infinity }
    }),
  )
  const subjects = SUBJECTS.map((subject) => ({ ...subject, key: `${subject.key}-${id}` }))
  return { subjects, checks, countsTokens: true, countsMoney: true, shapes: true, queue: null }
}

const request = (limits: CompiledLimits) => ({
  ...call(limits),
  inputTokens: 10,
  outputTokens: 10,
  leastOutputTokens: 10,
  inputNanoUsd: 10,
  outputNanoUsdPerMillion: 1_000_000,
})

async function expectNothingTaken(state: GovernanceState, refusing: CheckKind, who: number): Promise<void> {
  const limits = limitsWith(refusing, who)
  granted(await state.admit(request(limits)))
  const seen = async (): Promise<unknown> =>
    (await state.view(limits, systemClock.now(), systemClock.monotonicMs())).map(({ check, used, reserved }) => [
      check.kind,
      check.subject,
      Math.round(used),
      Math.round(reserved),
    ])
  const before = await seen()
  for (let again = 0; again < 3; again += 1)
    expect(await state.admit(request(limits))).toMatchObject({
      kind: "refusal",
      check: { kind: refusing, subject: who },
    })
  expect(await seen()).toEqual(before)
}

for (const kind of CHECK_KINDS)
  for (const who of [0, 1])
    test(`in memory a refusal takes nothing: ${kind} of ${SUBJECTS[who]!.scope}`, () =>
      expectNothingTaken(new MemoryState(), kind, who))

describe.skipIf(WITHOUT_REDIS !== null)(`in the store${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  let redis: RedisServer
  let state: GovernanceState

  beforeAll(async () => {
    redis = await startRedis()
    const none = { requests: 0, tokens: 0, nanoUsd: 0 }
    const empty = { day: none, month: none, beside: [], lifetimeTokens: 0, isWholeLifetime: true, lastMinute: [] }
    state = await openShared(redis.url, {
      recountMs: 0,
      totalsOf: (subjects) => Promise.resolve(subjects.map(({ key }) => ({ ...empty, key, ts: systemClock.now() }))),
    })
  })

  afterAll(async () => {
    await state.close()
    await redis[Symbol.asyncDispose]()
  })

  for (const kind of CHECK_KINDS)
    for (const who of [0, 1])
      test(`a refusal takes nothing: ${kind} of ${SUBJECTS[who]!.scope}`, () => expectNothingTaken(state, kind, who))
})
