/** Asks a target what checks want to know, through the exchange that calls use, and keeps the evidence. */
import type { JsonObject } from "../canonical/json.ts"
import type { BilledUsage } from "../canonical/billed-usage.ts"
import type { Target } from "../config/snapshot.ts"
import { asArray, asObject, asString, parseBytes } from "../dialects/loose.ts"
import { WIRES } from "../dialects/wires.ts"
import { exchange, isFailure, isRefused, TimeLimit } from "../pipeline/targets/exchange.ts"
import { governHeaders } from "../pipeline/targets/betas.ts"
import { targetBelow } from "../pipeline/targets/target-below.ts"
import { REASONS } from "../reasons.ts"
import type { Clock } from "../system/clock.ts"
import { readWhole, type UpstreamAnswer } from "../upstream/answer.ts"
import { listUrl } from "../upstream/beside.ts"
import { forwardedHeaders, upstreamRequestId } from "../upstream/headers.ts"
import type { AttemptFailure } from "../upstream/failure.ts"
import type { Upstream } from "../upstream/send.ts"
import { inputBound, writeQuestion } from "./body.ts"
import {
  type AskOptions,
  type Asking,
  type Broken,
  type CheckOptions,
  fail,
  type Heard,
  type Question,
  type Refusal,
  roomyCapOf,
  type StreamHeard,
  undecided,
} from "./check.ts"
import type { EvidenceOf } from "./evidence.ts"
import type { Purse } from "./purse.ts"
import { LARGEST_ANSWER_BYTES, readStream, readUnary } from "./read-answer.ts"
import type { Words } from "./words.ts"

export interface AskMeans {
  /** The upstream's own, or a router's door (`behindDoor`). */
  readonly target: Target
  readonly isDirect: boolean
  readonly upstream: Pick<Upstream, "send">
  readonly clock: Clock
  readonly words: Words
  readonly purse: Purse
  readonly evidence: EvidenceOf
  readonly options: CheckOptions
}

const WITHIN_MS = 300_000
/** Milliseconds before an exchange is tried again. */
const AGAIN_AFTER_MS = [1000, 5000]
const NO_HEADERS = new Headers()

export function askingOf(means: AskMeans): Asking {
  const { target, isDirect, words, options, clock } = means
  const asker = new Asker(means)
  return {
    target,
    options,
    isDirect,
    word: () => words.word(),
    draw: (below) => words.draw(below),
    roomyCap: roomyCapOf(target),
    answer: async (question, asked) => {
      const heard = await asker.hear(question, asked)
      return heard.kind === "answer" ? heard : failedBy(heard)
    },
    stream: async (question) => {
      const heard = await asker.stream(question)
      return heard.kind === "answer" ? heard : failedBy(heard)
    },
    streamIfWhole: async (question) => {
      const heard = await asker.stream(question)
      return heard.kind === "answer" ? heard : null
    },
    hear: async (question, asked) => {
      const heard = await asker.hear(question, asked)
      if (heard.kind !== "answer" && isNoAnswer(heard.failure)) failedBy(heard)
      return heard
    },
    // a router that cannot ask its upstream estimates
    count: (question) => (isDirect ? asker.count(question) : Promise.resolve(null)),
    list: () => asker.list(),
    pause: (ms) => clock.sleep(ms),
  }
}

class Asker {
  readonly #means: AskMeans
  #ids = 0

  constructor(means: AskMeans) {
    this.#means = means
  }

  async hear(question: Question, asked: AskOptions = {}): Promise<Heard> {
    const { target } = this.#means
    const { bytes, context, cap } = this.#write(question, false, asked)
    return this.#paid(bytes, cap, () => this.#ask<Heard>(target, bytes, (answer) => readUnary(answer, target, context)))
  }

  async stream(question: Question): Promise<StreamHeard | Refusal | Broken> {
    const { target, clock, evidence } = this.#means
    const { bytes, context, cap } = this.#write(question, true)
    const heard = await this.#paid(bytes, cap, () => {
      const start = clock.monotonicMs()
      const now = (): number => clock.monotonicMs() - start
      return this.#ask<StreamHeard | Broken>(target, bytes, (answer) => readStream(answer, target, context, now))
    })
    if (heard.kind === "answer" && heard.firstContentMs !== null) evidence.firstContent(heard.firstContentMs)
    return heard
  }

  /** Counting costs nothing at the vendors. */
  async count(question: Question): Promise<number | null> {
    const { target } = this.#means
    const { countEndpoint } = WIRES[target.dialect]
    const below = countEndpoint === null ? null : targetBelow(target, countEndpoint)
    if (below === null) return null
    const { bytes } = this.#write(question, false, { edit: withoutCap })
    const heard = await this.#ask<Counted>(below, bytes, async (answer) => {
      const tokens = parseBytes(await readWhole(answer, LARGEST_ANSWER_BYTES))?.["input_tokens"]
      return { kind: "counted", tokens: typeof tokens === "number" ? tokens : null }
    })
    return heard.kind === "counted" ? heard.tokens : null
  }

  async list(): Promise<readonly string[] | null> {
    const { target } = this.#means
    const heard = await this.#ask<Listed>(
      { ...target, url: listUrl(target) },
      new Uint8Array(),
      async (answer) => ({ kind: "listed", models: modelsIn(await readWhole(answer, LARGEST_ANSWER_BYTES)) }),
      "GET",
    )
    if (heard.kind === "listed") return heard.models
    // many servers have no such list
    if (heard.kind === "refused" && heard.failure.reason !== "key-refused") return null
    return failedBy(heard)
  }

  #write(question: Question, stream: boolean, asked: AskOptions = {}): ReturnType<typeof writeQuestion> {
    const { target, words } = this.#means
    const mint = (prefix: string): string => `${prefix}${words.word()}${++this.#ids}`
    return writeQuestion(question, stream, { target, roomyCap: roomyCapOf(target), mint }, asked)
  }

  async #paid<Result extends Heard | StreamHeard>(
    bytes: Uint8Array,
    cap: number,
    ask: () => Promise<Result | Refusal | Broken>,
  ): Promise<Result | Refusal | Broken> {
    const { purse, target, evidence } = this.#means
    const reserved = purse.reserve(target, { input: inputBound(bytes), output: cap })
    let settled: { readonly usage: BilledUsage | null; readonly tier: string | null } | null = null
    try {
      const heard = await ask()
      if (heard.kind === "answer") settled = { usage: heard.usage, tier: heard.reply.serviceTier ?? null }
      // an answer that broke off may be billed
      else if (heard.kind === "broken" && heard.failure.class !== "network") settled = { usage: null, tier: null }
      return heard
    } finally {
      if (settled === null) reserved.release()
      else evidence.used(settled.usage, reserved.settle(settled.usage, settled.tier))
    }
  }

  async #ask<Result extends { readonly kind: string }>(
    target: Target,
    bytes: Uint8Array,
    take: (answer: UpstreamAnswer) => Promise<Result>,
    method?: string,
  ): Promise<Result | Refusal | Broken> {
    const { clock, evidence } = this.#means
    for (let tries = 0; ; tries++) {
      evidence.asked(bytes)
      const heard = await this.#once(target, bytes, take, method)
      const pauseMs = AGAIN_AFTER_MS[tries]
      if (!("failure" in heard) || pauseMs === undefined || !mayHelpAgain(heard.failure, tries)) return heard
      await clock.sleep(pauseMs)
    }
  }

  async #once<Result extends { readonly kind: string }>(
    target: Target,
    bytes: Uint8Array,
    take: (answer: UpstreamAnswer) => Promise<Result>,
    method: string | undefined,
  ): Promise<Result | Refusal | Broken> {
    const { upstream, clock, evidence } = this.#means
    const start = clock.monotonicMs()
    let requestId: string | null = null
    const { headers } = governHeaders(target, forwardedHeaders(NO_HEADERS, target.dialect, target, ""))
    const result = await exchange<Result & object>(
      { method, target, beta: false, headers, body: bytes.length === 0 ? [] : [bytes], stale: "new" },
      new TimeLimit(target.attemptTimeoutMs === 0 ? WITHIN_MS : target.attemptTimeoutMs, clock),
      { upstream, maxBytes: LARGEST_ANSWER_BYTES },
      (answer) => {
        requestId = upstreamRequestId(answer.headers)
        return take(answer)
      },
    )
    if (isFailure(result)) {
      evidence.answered(requestId, clock.monotonicMs() - start)
      return { kind: "broken", failure: result }
    }
    if (isRefused(result)) requestId = upstreamRequestId(result.headers)
    evidence.answered(requestId, clock.monotonicMs() - start)
    if (!isRefused(result)) return result
    return { kind: "refused", status: result.status, isError: result.fault !== null, failure: result.failure }
  }
}

function withoutCap(body: JsonObject): JsonObject {
  const { max_tokens: _, ...rest } = body
  return rest
}

interface Counted {
  readonly kind: "counted"
  readonly tokens: number | null
}

interface Listed {
  readonly kind: "listed"
  readonly models: readonly string[] | null
}

function modelsIn(bytes: Uint8Array): readonly string[] | null {
  const ids = asArray(parseBytes(bytes)?.["data"]).flatMap((model) => asString(asObject(model)?.["id"]) ?? [])
  return ids.length === 0 ? null : ids
}

/** Only time helps. A server that says that it failed is asked once more. */
function mayHelpAgain({ class: kind, reason }: AttemptFailure, tries: number): boolean {
  if (kind === "server_error") return tries === 0 || reason === "overloaded"
  return kind === "rate_limited" || kind === "network"
}

/** Says nothing of the capability that is asked for. */
function isNoAnswer({ class: kind, reason }: AttemptFailure): boolean {
  if (kind === "server_error") return reason === "overloaded" || reason === "upstream-timeout"
  return ["network", "stale_connection", "timeout", "rate_limited", "quota_exhausted", "internal"].includes(kind)
}

/** @throws Judgement */
function failedBy(heard: Refusal | Broken): never {
  const { reason, words } = heard.failure
  const status = heard.kind === "refused" ? `status ${heard.status}: ` : ""
  const message = `${status}${REASONS[reason]}${words === null ? "" : ` (${words})`}`
  return isNoAnswer(heard.failure) ? undecided(message) : fail(message)
}
