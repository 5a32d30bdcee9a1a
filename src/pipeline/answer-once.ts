/**
 * Step 7 of a call that may be answered from the response cache: looked up under the target that comes first, before the call
 * takes anything of its caller's tokens or of a provider's capacity. Of equal calls at one time of one caller one asks the
 * target, and the others are told its answer.
 */
import type { Entry } from "../cache/entry.ts"
import type { Flight } from "../cache/flights.ts"
import { RouterError } from "../errors.ts"
import type { Answer, WholeAnswer } from "./answer/answer.ts"
import type { Question } from "./apart/cache-content.ts"
import { attempt } from "./attempt.ts"
import type { AdmittedCall } from "./call.ts"
import type { Caching } from "./call/caching.ts"
import type { Plan } from "./call/plan.ts"
import type { Gateway } from "./gateway.ts"
import { reserve } from "./reserve.ts"
import { keyOf, questionOf } from "./cache/cache-key.ts"
import { Copy } from "../cache/copy.ts"
import { keepWhole } from "./cache/keep.ts"
import { tell } from "./cache/tell.ts"

/** @throws RouterError as `reserve` and `attempt` do */
export async function answerOnce(plan: Plan, call: AdmittedCall, caching: Caching, gateway: Gateway): Promise<Answer> {
  if (!caching.looksUp && !caching.keeps) return attempt(plan, call, gateway)
  const asking = questionOf(call, gateway)
  const question = asking instanceof Promise ? await asking : asking
  if (question === null) caching.refuseKey()
  const found = question === null || !caching.looksUp ? null : await lookUp(question, plan, call, caching, gateway)
  if (found === null) return askTarget(question?.content ?? null, plan, call, caching, gateway)
  const { hold } = call
  // the place of the call is all that it took, and is counted when it ends
  if (hold !== null) [hold.lease, hold.entry] = [hold.entry, null]
  return found
}

/** A kept answer, or one that another call is about to get; null: this call asks its target. */
async function lookUp(
  question: Question,
  plan: Plan,
  call: AdmittedCall,
  caching: Caching,
  gateway: Gateway,
): Promise<WholeAnswer | null> {
  const [target] = plan.order
  if (target === undefined) return null
  const { rule } = caching
  const { cache, clock } = gateway
  const { content, bodyHash } = question
  const place = keyOf(content, target, call, rule.isForAll)
  const getting = cache.get(place, rule, clock.now())
  const entry = getting instanceof Promise ? await getting : getting
  const told = (one: Entry): Promise<WholeAnswer | null> =>
    tell({ entry: one, place, bodyHash, target, affinity: plan.affinity }, call, caching, gateway)
  if (entry !== null) return told(entry)
  if (!caching.keeps) return null
  const key = keyOf(content, target, call, false)
  const flight = cache.flights.under(key)
  if (flight === null) {
    caching.flight = cache.flights.begin(key)
    return null
  }
  const landed = await follow(flight, call)
  return landed === null ? null : told(landed)
}

/** Waits for the answer that another call asks for. @throws RouterError where the client leaves, or the router stops */
async function follow(flight: Flight, { life }: AdmittedCall): Promise<Entry | null> {
  const gone = Promise.withResolvers<never>()
  const leave = (): void => gone.reject(life.stopped ?? new RouterError("client-closed"))
  if (life.clientLeft || life.stopped !== null) leave()
  flight.follow()
  life.waiting = { leave }
  try {
    return await Promise.race([flight.landed, gone.promise])
  } finally {
    life.waiting = null
    flight.leave()
  }
}

async function askTarget(
  content: string | null,
  plan: Plan,
  call: AdmittedCall,
  caching: Caching,
  gateway: Gateway,
): Promise<Answer> {
  const { hold } = call
  if (hold !== null && caching.looksUp) {
    const reserving = reserve({ eligible: plan.order, rejected: [], missing: [] }, call, hold, gateway, "rest")
    if (reserving instanceof Promise) await reserving
  }
  if (content === null || !caching.keeps) return attempt(plan, call, gateway)
  if (call.facts.stream) caching.copy = new Copy(gateway.cache.largestBytes, content, gateway.cache.copies)
  const answer = await attempt(plan, call, gateway)
  if (answer.kind === "stream") return answer
  const keeping = keepWhole(answer, content, call, caching, gateway)
  const kept = keeping instanceof Promise ? await keeping : keeping
  caching.flight?.end(kept)
  return answer
}
