/** Many conversations at once over three equal targets, one of which may die: who served which call of which conversation. */
import { FakeUpstream } from "./fake-upstream.ts"
import { targetsOf } from "./config.ts"
import { reply } from "./behaviours.ts"
import { startGateway } from "./gateway.ts"
import type { Dialect } from "./samples.ts"
import { DIALECTS, SAMPLES } from "./samples.ts"
import { wholeAnswer } from "./scenario.ts"
import { turns } from "./turns.ts"
import { allowAll } from "./translating.ts"
import { sampleFor } from "./vendor.ts"

export interface Workload {
  readonly seed: number
  readonly conversations: number
  readonly turns: number
  /** Conversations that go on at the same time. */
  readonly concurrency: number
  /** One of the three targets stops when this share of the calls was made; null: none does. */
  readonly diesAfter: number | null
}

export interface Outcome {
  readonly calls: number
  readonly failed: number
  /** Share of the calls of each conversation that its most frequent target served: mean and least. */
  readonly meanKept: number
  readonly leastKept: number
  /** Calls by target. */
  readonly spread: readonly number[]
}

const NAMES = ["one", "two", "three"]

export async function converse(work: Workload): Promise<Outcome> {
  const random = seeded(work.seed)
  const upstreams = await Promise.all(NAMES.map(async () => FakeUpstream.start()))
  let answers = 0
  for (const upstream of upstreams) {
    upstream.otherwise(async (exchange) => {
      // no two answers of a model are the same
      const scenario = { text: `Answer ${answers++}.`, stop: "end" } as const
      await reply(wholeAnswer(sampleFor(exchange.request).dialect, scenario))(exchange)
    })
  }
  await using gateway = await startGateway({
    upstreams: Object.fromEntries(upstreams.map((upstream, index) => [NAMES[index], upstream])),
    configure: (config) => {
      config.models["many"] = { strategy: "weighted", translation: "off", targets: targetsOf(NAMES) }
      allowAll(config)
    },
  })
  const served: (readonly [conversation: number, target: string])[] = []
  let calls = 0
  let failed = 0
  const dies = work.diesAfter === null ? Infinity : work.diesAfter * work.conversations * work.turns
  const plans = Array.from({ length: work.conversations }, (_, index) => planOf(index, random))
  const play = async (index: number): Promise<void> => {
    const { dialect, opening, headers, extra } = plans[index]!
    const said = turns(dialect, opening)
    for (let turn = 0; turn < work.turns; turn++) {
      calls += 1
      if (calls === Math.ceil(dies)) await upstreams[0]!.stop()
      const body = SAMPLES[dialect].request({ model: "many", extra: { ...said.extra, ...extra } })
      const answer = await gateway.call(dialect, body, { headers })
      if (answer.status !== 200) {
        failed += 1
        continue
      }
      const provider = gateway.records.usage(answer.requestId)[0]?.target_provider
      served.push([index, String(provider).split("-")[0]!])
      said.goOn(JSON.parse(answer.text), `question ${turn}`)
    }
  }
  let next = 0
  const player = async (): Promise<void> => {
    while (next < work.conversations) await play(next++)
  }
  await Promise.all(Array.from({ length: work.concurrency }, player))
  await Promise.all(upstreams.map(async (upstream) => upstream.stop()))
  return { calls, failed, ...kept(served, work.conversations) }
}

interface Plan {
  readonly dialect: Dialect
  readonly opening: string
  readonly headers: Readonly<Record<string, string>>
  readonly extra: Readonly<Record<string, unknown>>
}

/** A third of the clients name a session, a third a cache key, a third nothing; every tenth begins like others do. */
function planOf(index: number, random: () => number): Plan {
  const dialect = DIALECTS[Math.floor(random() * 3)]!
  const opening = random() < 0.1 ? `hello ${Math.floor(random() * 10)}` : `question ${random()}`
  const kind = Math.floor(random() * 3)
  const isKeyed = kind === 1 && dialect !== "messages"
  return {
    dialect,
    opening,
    headers: kind === 0 ? { "x-claude-code-session-id": `session ${index}` } : {},
    extra: isKeyed ? { prompt_cache_key: `key ${index}` } : {},
  }
}

function kept(
  served: readonly (readonly [number, string])[],
  conversations: number,
): Pick<Outcome, "meanKept" | "leastKept" | "spread"> {
  const counts = Array.from({ length: conversations }, () => new Map<string, number>())
  for (const [conversation, target] of served)
    counts[conversation]!.set(target, (counts[conversation]!.get(target) ?? 0) + 1)
  const shares = counts.map((targets) => {
    const all = [...targets.values()]
    return (
      Math.max(0, ...all) /
      Math.max(
        1,
        all.reduce((sum, count) => sum + count, 0),
      )
    )
  })
  return {
    meanKept: shares.reduce((sum, share) => sum + share, 0) / conversations,
    leastKept: Math.min(...shares),
    spread: NAMES.map((name) => served.filter(([, target]) => target === name).length),
  }
}

/** Mulberry32: small, and the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
