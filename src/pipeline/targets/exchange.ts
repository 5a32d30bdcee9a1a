/**
 * One exchange with an upstream: a request is sent and waited for as long as a patience allows; an answer is handed to
 * whoever asked, a refusal is read and classified. Calls, token counts, stored responses and background answers use it.
 */
import { NO_FAULT, type UpstreamFault } from "../../dialects/dialect.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import type { Timer, Timers } from "../../system/clock.ts"
import { readWhole, upstreamFault, type UpstreamAnswer } from "../../upstream/answer.ts"
import { because, classifyStatus, TIMEOUT, type AttemptFailure } from "../../upstream/failure.ts"
import { masked, type Secrets } from "../../upstream/mask.ts"
import type { Sent, Upstream, UpstreamRequest } from "../../upstream/send.ts"

/** How long an exchange may take, and how it is ended from outside. */
export interface Patience {
  /** The limit that ended the exchange; null: none has. */
  readonly over: AttemptFailure | null
  /** The request is on its way. */
  sent(cancel: () => void): void
  /** The head of the answer is here. */
  headed(answer: UpstreamAnswer): void
  /** The exchange is over, or its answer is read on without it. */
  end(): void
}

/** An answer of another status than 2xx, read as a whole. */
export interface Refused {
  readonly kind: "refused"
  readonly status: number
  readonly headers: UpstreamAnswer["headers"]
  readonly bytes: Uint8Array
  /** The upstream's error; null: the body is none of its dialect. */
  readonly fault: UpstreamFault | null
  readonly failure: AttemptFailure
}

/** What the refusal of a status means, where more is known than the answer. */
export type Meaning = (status: number, fault: UpstreamFault | null, bytes: Uint8Array) => AttemptFailure

interface Means {
  readonly upstream: Pick<Upstream, "send">
  readonly maxBytes: number
  readonly meaning?: Meaning
}

/** `take` gets an answer of status 2xx, and reads it within the same patience. Rejects with faults of the router's own, and with nothing else. */
export async function exchange<Result extends object>(
  request: UpstreamRequest,
  patience: Patience,
  means: Means,
  take: (answer: UpstreamAnswer) => Result | Promise<Result>,
): Promise<Result | Refused | AttemptFailure> {
  let sent: Sent | null = null
  try {
    sent = means.upstream.send(request)
    patience.sent(sent.cancel)
    const answer = await sent.answer
    patience.headed(answer)
    if (answer.status < 200 || answer.status > 299) return await readRefusal(answer, request.target, means)
    const taken = take(answer)
    // a whole answer is mostly here with its head
    const result = taken instanceof Promise ? await taken : taken
    return isFailure(result) && patience.over !== null ? patience.over : result
  } catch (error) {
    sent?.cancel()
    const failure = patience.over ?? upstreamFault(error)
    if (failure === null) throw error
    return failure
  } finally {
    patience.end()
  }
}

export function isFailure(result: object): result is AttemptFailure {
  return "class" in result
}

export function isRefused(result: object): result is Refused {
  return "kind" in result && result.kind === "refused"
}

async function readRefusal(
  answer: UpstreamAnswer,
  { dialect, model }: UpstreamRequest["target"],
  { maxBytes, meaning }: Means,
): Promise<Refused> {
  const { status, headers } = answer
  const bytes = await readWhole(answer, maxBytes)
  const fault = DIALECTS[dialect].readFault(bytes)
  const failure = meaning?.(status, fault, bytes) ?? classifyStatus(status, fault ?? NO_FAULT, model)
  return { kind: "refused", status, headers, bytes, fault, failure }
}

/** The upstream speaks of the request, in words that clients may read. An HTML page or a book says nothing to an agent. */
export function speaks(refused: Refused): refused is Refused & { readonly fault: UpstreamFault } {
  return refused.failure.relay && refused.fault !== null
}

export interface Words {
  readonly bytes: Uint8Array
  readonly contentType: string
}

/** The upstream's words as they came, without secrets. */
export function wordsOf({ bytes }: Refused, secrets: Secrets): Words {
  return { bytes: masked(bytes, secrets), contentType: typeOf(bytes) }
}

/** Servers label their words in many ways. */
function typeOf(bytes: Uint8Array): string {
  try {
    JSON.parse(Buffer.from(bytes).toString())
    return "application/json"
  } catch {
    return "text/plain; charset=utf-8"
  }
}

/** So many milliseconds for the whole exchange. */
export class TimeLimit implements Patience {
  over: AttemptFailure | null = null
  readonly #withinMs: number
  readonly #timers: Timers
  #timer: Timer | null = null
  #cancel: (() => void) | null = null

  constructor(withinMs: number, timers: Timers) {
    this.#withinMs = withinMs
    this.#timers = timers
  }

  /** Ends the exchange, and a stream that is read on behind it. */
  readonly cancel = (): void => this.#cancel?.()

  sent(cancel: () => void): void {
    this.#cancel = cancel
    this.#timer = this.#timers.after(this.#withinMs, () => {
      this.over = because(TIMEOUT, "whole-timeout")
      cancel()
    })
  }

  headed(): void {}

  end(): void {
    this.#timer?.close()
  }
}
