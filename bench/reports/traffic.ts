/** Calls as a company of some hundred callers makes them: the same ones for the same number, wherever they are made. */
import type { DialectName } from "../../src/dialects/name.ts"
import { DIALECT_NAMES } from "../../src/dialects/wires.ts"
import type { ErrorCode } from "../../src/error-catalogue.ts"
import { emptyRow } from "../../src/ledger/column.ts"
import { modelPricesOf } from "../../src/ledger/model-prices.ts"
import type { CallRecord, TraceRow } from "../../src/ledger/record.ts"
import { REQUEST_TRACE_EVENTS } from "../../src/ledger/tables/calls.ts"
import type { SampleCall, SampleCaller, SampleTarget, SampleUsage } from "../../src/sample/call.ts"
import { between, type Draw, draws, skew } from "../../src/sample/draws.ts"
import { sampleRecord } from "../../src/sample/record.ts"

export interface Traffic {
  readonly calls: number
  readonly callers: number
  readonly projects: number
  readonly models: number
  /** Unix milliseconds. */
  readonly from: number
  readonly to: number
}

const CLIENTS = ["openai-python", "anthropic-python", "curl", "codex", "claude-code", "openai-js", "langchain", "other"]
/** The first ones are the most frequent. */
const ERRORS: readonly ErrorCode[] = [
  "rpm-exceeded",
  "upstream-failed",
  "upstream-capacity-throttled",
  "invalid-request",
  "client-closed",
  "internal-error",
]
const HOURS = [1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 20, 19, 15, 18, 20, 19, 17, 13, 9, 6, 4, 3, 2, 1]
const BUSY = HOURS.flatMap((weight, hour) => Array.from({ length: weight }, () => hour))
const DAY_MS = 86_400_000
const NONE: readonly never[] = []
const ONE_EVENT: readonly TraceRow[] = [{ ...emptyRow(REQUEST_TRACE_EVENTS), event: "routing_decision", value: 1 }]
const NO_PRICE = modelPricesOf({})

/** A company; `call` makes the call with a number, from 0 on. Their times rise with it, day by day. */
export class Company {
  readonly #traffic: Traffic
  readonly #callers: readonly SampleCaller[]
  readonly #targets: readonly SampleTarget[]

  constructor(traffic: Traffic) {
    this.#traffic = traffic
    this.#callers = Array.from({ length: traffic.callers }, (_, number) => callerOf(traffic, number))
    this.#targets = Array.from({ length: traffic.models }, (_, model) => targetOf(model))
  }

  call(number: number): CallRecord {
    const draw = draws(number + 1)
    const ts = timeOf(this.#traffic, number, draw)
    const caller = skew(draw(), this.#callers.length)
    const model = (caller * 7 + skew(draw(), 5) * 11) % this.#targets.length
    const [by, target] = [this.#callers[caller], this.#targets[model]]
    if (by === undefined || target === undefined) throw new Error("a company has callers and models")
    const client = CLIENTS[(caller + skew(draw(), 3)) % CLIENTS.length] ?? ""
    const error = draw() < 0.04 ? (ERRORS[skew(draw(), ERRORS.length)] ?? null) : null
    const call: SampleCall = {
      ts,
      number,
      caller: { ...by, client },
      error,
      overheadMs: 1 + 3 * draw(),
      requested: `group-${model % 12}`,
      group: `group-${model % 12}`,
      strategy: model % 2 === 0 ? "static" : "dynamic_score",
      stream: draw() < 0.6,
      images: 0,
      quotaState: "ok",
      keyState: null,
      shaping: null,
      trace: ONE_EVENT,
      upstreamShapes: NONE,
      decision: null,
      ...(error === null ? served(target, model, draw) : { attempts: NONE, usage: null, firstMs: null }),
    }
    return sampleRecord(call)
  }
}

function callerOf({ projects }: Traffic, number: number): SampleCaller {
  const [user, project] = [`user-${number % 250}`, `project-${number % projects}`]
  const environment = number % 5 === 0 ? "dev" : "prod"
  const tokenId = `rtr_${user}_${project}_prod_k${number}`
  return { id: `app-${number}`, user, project, environment, tokenId, client: "", dialect: dialectOf(number) }
}

function dialectOf(number: number): DialectName {
  return DIALECT_NAMES[number % DIALECT_NAMES.length] ?? "openai-chat"
}

function targetOf(model: number): SampleTarget {
  const price = 0.15 * (1 + (model % 20))
  const prices = modelPricesOf({
    input_price_per_million_usd: price.toFixed(3),
    cached_input_price_per_million_usd: (price / 10).toFixed(3),
    output_price_per_million_usd: (price * 4).toFixed(3),
  })
  const names = { provider: `provider-${model % 9}`, model: `vendor-model-${model}-2026`, region: null }
  return { ...names, dialect: dialectOf(model), prices, pricingSource: "https://example.com/prices" }
}

function served(target: SampleTarget, model: number, draw: Draw): Pick<SampleCall, "attempts" | "usage" | "firstMs"> {
  const output = Math.floor(20 + 2500 * draw() ** 3)
  const usage: SampleUsage = {
    fresh: Math.floor(200 + 8000 * draw() ** 4),
    cached: draw() < 0.4 ? Math.floor(20_000 * draw() ** 2) : 0,
    written: 0,
    output,
    reasoning: model % 4 === 0 ? Math.floor(output / 3) : 0,
  }
  const firstMs = 150 + 2500 * draw() ** 3
  const durationMs = firstMs + output * between(draw, 6, 31)
  const at = draw() < 0.01 ? { ...target, prices: NO_PRICE } : target
  const attempt = { target: at, failure: null, durationMs }
  const failure = { class: "rate_limited", reason: "rate-limited", status: 429, retryAfterMs: 1000 } as const
  const before = { target, failure: { ...failure, code: "upstream-rate-limited" }, durationMs: 90 } as const
  return { attempts: draw() < 0.03 ? [before, attempt] : [attempt], usage, firstMs }
}

/** Within its day the hour is one of business, mostly. */
function timeOf({ calls, from, to }: Traffic, number: number, draw: Draw): number {
  const days = Math.max(1, (to - from) / DAY_MS)
  const place = (number / calls) * days
  const hour = BUSY[Math.floor((place % 1) * BUSY.length)] ?? 12
  const day = from + Math.floor(place) * DAY_MS
  return Math.min(to - 1, day + hour * 3_600_000 + Math.floor(draw() * 3_600_000))
}
