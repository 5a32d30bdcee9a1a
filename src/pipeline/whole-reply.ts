/** A whole answer of an upstream, as the client gets it. What is large is read in another thread. */
import type { AnswerFacts } from "../dialects/dialect.ts"
import { readWhole, type UpstreamAnswer } from "../upstream/answer.ts"
import type { Failure } from "../upstream/failure.ts"
import { copyResponseHeaders } from "../upstream/headers.ts"
import type { JudgedReply } from "./apart/judged-answer.ts"
import type { Attempt, Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { after, judge, turn, type Soon } from "./read-answer.ts"
import { asWhole, eventsIn } from "./reshape.ts"
import { renamed } from "./shown-model.ts"
import { compactsAtVendor } from "./target-below.ts"
import { faulted } from "./vendor-words.ts"

export interface WholeAnswer {
  readonly kind: "unary"
  readonly bytes: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

type Ended = WholeAnswer | Failure

const JSON_HEADERS = { "content-type": "application/json" }

/** At once where the answer is here as a whole, and small. */
export function wholeReply(answer: UpstreamAnswer, tried: Attempt, call: Call, gateway: Gateway): Soon<Ended> {
  const whole = readWhole(answer, call.snapshot.limits.maxResponseBytes)
  return after(whole, (bytes) => {
    tried.responseBytes = bytes.length
    return after(judge(bytes, tried, call, gateway), (judged) => replyOf(bytes, judged, answer, tried, call, gateway))
  })
}

function replyOf(
  bytes: Uint8Array,
  { verdict, returned, meter }: JudgedReply,
  answer: UpstreamAnswer,
  tried: Attempt,
  call: Call,
  gateway: Gateway,
): Soon<Ended> {
  const events = verdict.kind === "answer" ? null : eventsIn(bytes, tried.target.dialect)
  if (events !== null) {
    return after(asWhole(events, tried, call, gateway), (reshaped) =>
      "class" in reshaped ? reshaped : wholeAnswer(reshaped, call, JSON_HEADERS),
    )
  }
  if (verdict.kind === "fault") return faulted(verdict.fault, tried, call)
  call.returnedIds = returned
  call.meter = meter
  if (tried.translation !== null && !compactsAtVendor(tried.target, call)) {
    return after(turn("reply", bytes, tried.translation, call, gateway), (translated) =>
      translated instanceof Uint8Array
        ? wholeAnswer({ bytes: translated, facts: verdict }, call, JSON_HEADERS)
        : faulted(translated, tried, call),
    )
  }
  const headers: Record<string, string> = { ...JSON_HEADERS }
  copyResponseHeaders(answer.headers, tried.target.provider.secrets, headers)
  return after(renamed(bytes, call, gateway), (shown) => wholeAnswer({ bytes: shown, facts: verdict }, call, headers))
}

/** As the client gets it. */
export function wholeAnswer(
  { bytes, facts }: { readonly bytes: Uint8Array; readonly facts: AnswerFacts },
  call: Call,
  headers: Readonly<Record<string, string>>,
): WholeAnswer {
  call.answer = facts
  return { kind: "unary", bytes, headers }
}
