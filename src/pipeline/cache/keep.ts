/** Keeps answers of targets that may be told again. */
import type { Entry } from "../../cache/entry.ts"
import type { AnswerFacts } from "../../dialects/dialect.ts"
import { isLargeAnswer } from "../apart/large.ts"
import { keptReply, keptStream, type KeptAnswer } from "../apart/kept-answer.ts"
import type { Answer } from "../answer/answer.ts"
import type { UpstreamStream } from "../answer/upstream-stream.ts"
import type { AdmittedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Caching } from "../call/caching.ts"
import { goOn } from "../call/go-on.ts"
import type { Gateway } from "../gateway.ts"
import { meansOf } from "../translation/translate.ts"
import { keyOf } from "./cache-key.ts"

/** A whole answer: kept where it may be. Null: it is not. Never rejects. */
export function keepWhole(
  answer: Answer,
  content: string,
  call: AdmittedCall,
  caching: Caching,
  gateway: Gateway,
): Entry | null | Promise<Entry | null> {
  if (answer.kind !== "unary" || answer.told === null || !caching.keeps) return null
  const { attempt, facts, source } = answer.end
  if (source !== "target" || attempt === null) return null
  return keep({ bytes: answer.told, isStream: false, attempt, facts }, content, call, caching, gateway)
}

/** A stream that has come to its end. Those that wait for it are told when it is kept. */
export function keepStream({ attempt, end, observer }: UpstreamStream, call: AdmittedCall, gateway: Gateway): void {
  const { caching } = call
  const copy = caching?.copy ?? null
  if (caching === null || copy === null) return
  caching.copy = null
  const bytes = copy.take()
  if (end?.kind !== "complete" || bytes === null) return
  const { flight } = caching
  caching.flight = null
  const told = { bytes, isStream: true, attempt, facts: observer.facts() }
  const keeping = keep(told, copy.content, call, caching, gateway)
  if (keeping instanceof Promise) void keeping.then((kept) => flight?.end(kept))
  else flight?.end(keeping)
}

export interface Told {
  readonly bytes: Uint8Array
  readonly isStream: boolean
  readonly attempt: Attempt
  readonly facts: AnswerFacts
}

/** Never rejects. */
export function keep(
  told: Told,
  content: string,
  call: AdmittedCall,
  { rule }: Caching,
  gateway: Gateway,
): Entry | null | Promise<Entry | null> {
  const { bytes, attempt, facts } = told
  if (bytes.length > gateway.cache.largestBytes) return null
  const take = (kept: KeptAnswer | null): Entry | null => {
    if (kept === null) return null
    const entry: Entry = { ...kept, facts, storedAt: gateway.clock.now() }
    return gateway.cache.put(keyOf(content, attempt.target, call, rule.isForAll), entry, rule)
  }
  try {
    return goOn(read(told, call, gateway), take)
  } catch {
    // what cannot be read is no answer to be told again
    return null
  }
}

function read(
  { bytes, isStream, attempt }: Told,
  call: AdmittedCall,
  gateway: Gateway,
): KeptAnswer | null | Promise<KeptAnswer | null> {
  const { dialect } = attempt.target
  if (isLargeAnswer(bytes.length))
    return gateway.apart.run("keep", call.credential.caller.id, [bytes], { dialect, isStream }).catch(() => null)
  return isStream ? keptStream(bytes, dialect, meansOf(gateway)) : keptReply(bytes, dialect)
}
