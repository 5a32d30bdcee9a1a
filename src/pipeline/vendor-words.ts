/** What an upstream says about the request goes to the client in the upstream's words: agents heal themselves by them. */
import type { Failure as VendorFailure } from "../canonical/reply.ts"
import type { StreamObserver, UpstreamFault } from "../dialects/dialect.ts"
import { CODECS, DIALECTS } from "../dialects/registry.ts"
import { VendorRefusal } from "../dialects/vendor-refusal.ts"
import { readWhole, type UpstreamAnswer } from "../upstream/answer.ts"
import { BROKEN_STREAM, classifyFault, type Failure } from "../upstream/failure.ts"
import { masked } from "../upstream/mask.ts"
import { retryAfterMs } from "../upstream/retry-after.ts"
import type { Attempt, Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { meaningOf } from "./refusal-meaning.ts"
import { shownModel } from "./shown-model.ts"

/** The upstream's refusal of the request, in its own words. */
export interface Relay {
  readonly kind: "relay"
  readonly status: number
  readonly bytes: Uint8Array
  readonly contentType: string
  readonly failure: Failure
}

const JSON_TYPE = "application/json"
const TEXT_TYPE = "text/plain; charset=utf-8"

/** An answer of another status than 2xx. `sent`: the body that the upstream got, in pieces. */
export async function refused(
  answer: UpstreamAnswer,
  sent: readonly Uint8Array[],
  tried: Attempt,
  call: Call,
  gateway: Gateway,
): Promise<Relay | Failure> {
  tried.retryAfterMs = retryAfterMs(answer.headers.get("retry-after"), gateway.clock.now())
  const bytes = await readWhole(answer, call.snapshot.limits.maxResponseBytes)
  tried.responseBytes = bytes.length
  const fault = DIALECTS[tried.target.dialect].readFault(bytes)
  const failure = meaningOf(answer.status, fault, bytes, sent, tried, call)
  // an HTML page in front of the upstream, or a book, says nothing to an agent
  if (!failure.relay || fault === null) return failure
  if (failure.failover) {
    keepWords(fault, tried, call)
    return failure
  }
  tried.failure = failure
  const relay = { kind: "relay", contentType: JSON_TYPE, failure } as const
  if (tried.translation !== null) return { ...relay, ...tried.translation.refusal(answer.status, bytes, call.id) }
  const words = masked(bytes, tried.target.provider.secrets)
  return { ...relay, status: answer.status, bytes: words, contentType: wordsType(bytes) }
}

/** The `content-type` of words that are relayed as they came; servers label them in many ways. */
export function wordsType(bytes: Uint8Array): string {
  try {
    JSON.parse(Buffer.from(bytes).toString())
    return JSON_TYPE
  } catch {
    return TEXT_TYPE
  }
}

/** A fault inside of an answer of status 200. Where it is about the request, its words are kept for the client. */
export function faulted(fault: UpstreamFault, tried: Attempt, call: Call): Failure {
  const failure = classifyFault(fault)
  if (failure.relay) keepWords(fault, tried, call)
  return failure
}

/** The client reads them where no other target helps. */
function keepWords(fault: UpstreamFault, tried: Attempt, call: Call): void {
  const { target } = tried
  const shown = shownModel(call)
  const clean = (text: string | null): string | null => {
    if (text === null) return null
    const safe = Buffer.from(masked(Buffer.from(text), target.provider.secrets)).toString()
    return shown === null || target.model === "" ? safe : safe.replaceAll(target.model, shown)
  }
  const { type, code, param, message } = fault
  const error = { type: clean(type), code: clean(code), param: clean(param), message: clean(message) }
  tried.words = CODECS[target.dialect].readError(REFUSED, { error })
}

const REFUSED = 400
const CONFLICT = 409

/** What a stream said of its own failure. */
export function reported({ fault }: StreamObserver, tried: Attempt, call: Call): Failure {
  return fault === null ? BROKEN_STREAM : faulted(fault, tried, call)
}

/** What the client is told in the words of the last upstream that spoke about the request; null: none did. */
export function vendorRefusal(attempts: readonly Attempt[]): VendorRefusal | null {
  const tried = attempts.findLast(({ words }) => words !== null)
  return tried === undefined || tried.words === null ? null : asRefusal(tried.words, tried.failure)
}

/** The terminal error of a stream that its upstream broke off for something about the request; null: for something else. */
export function brokenOff(tried: Attempt): VendorRefusal | null {
  return tried.words === null || tried.failure?.relay !== true ? null : asRefusal(tried.words, tried.failure)
}

function asRefusal(words: VendorFailure, failure: Failure | null): VendorRefusal {
  const isConflict = failure?.reason === "conflict"
  return new VendorRefusal("invalid-request", words, {
    status: isConflict ? CONFLICT : REFUSED,
    // the state that is in the way may pass
    retryable: isConflict,
    headers: { "x-router-error-class": "bad_request" },
  })
}
