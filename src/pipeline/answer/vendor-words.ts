/** What an upstream says about the request goes to the client in the upstream's words: agents heal themselves by them. */
import type { Failure } from "../../canonical/reply.ts"
import type { StreamObserver, UpstreamFault } from "../../dialects/dialect.ts"
import { CODECS } from "../../dialects/registry.ts"
import { VendorRefusal } from "../../dialects/vendor-refusal.ts"
import { BROKEN_STREAM, classifyFault, type AttemptFailure } from "../../upstream/failure.ts"
import { masked } from "../../upstream/mask.ts"
import { retryAfterMs } from "../../upstream/retry-after.ts"
import type { AdmittedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Gateway } from "../gateway.ts"
import { speaks, wordsOf, type Refused } from "../targets/exchange.ts"
import { shownModel } from "../translation/shown-model.ts"
import type { Relay } from "./relay.ts"

/** What a refusal means for the call: another target may help, or its client reads the upstream's words. */
export function relay(
  refused: Refused,
  tried: Attempt,
  call: AdmittedCall,
  { clock }: Pick<Gateway, "clock">,
): Relay | AttemptFailure {
  const { status, bytes, failure } = refused
  const { target, translation } = tried
  tried.retryAfterMs = retryAfterMs(refused.headers.get("retry-after"), clock.now())
  tried.responseBytes = bytes.length
  if (!speaks(refused)) return failure
  if (failure.failover) {
    keepWords(refused.fault, tried, shownModel(call))
    return failure
  }
  tried.failure = failure
  tried.endedAt = clock.monotonicMs()
  const words =
    translation === null
      ? { status, ...wordsOf(refused, target.provider.secrets) }
      : { contentType: "application/json", ...translation.refusal(status, bytes, call.id) }
  return { kind: "relay", failure, model: target.model, ...words }
}

/** A fault inside of an answer of status 200. Where it is about the request, its words are kept for the client, under the model name that is shown. */
export function classify(fault: UpstreamFault, tried: Attempt, shown: string | null): AttemptFailure {
  const failure = classifyFault(fault)
  if (failure.relay) keepWords(fault, tried, shown)
  return failure
}

/** The client reads them where no other target helps. */
function keepWords(fault: UpstreamFault, tried: Attempt, shown: string | null): void {
  const { target } = tried
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
export function faultOf({ fault }: StreamObserver, tried: Attempt, shown: string | null): AttemptFailure {
  return fault === null ? BROKEN_STREAM : classify(fault, tried, shown)
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

function asRefusal(words: Failure, failure: AttemptFailure | null): VendorRefusal {
  const isConflict = failure?.reason === "conflict"
  return new VendorRefusal("invalid-request", words, {
    status: isConflict ? CONFLICT : REFUSED,
    // the state that is in the way may pass
    retryable: isConflict,
    headers: { "x-router-error-class": "bad_request" },
  })
}
