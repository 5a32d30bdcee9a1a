/** Reads whole answers: at once where they are small, else in another thread. */
import type { UpstreamFault } from "../../dialects/dialect.ts"
import { OutputMeter } from "../../dialects/output-meter.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import { judgedReply, judgedStream, type JudgedReply, type JudgedStream } from "../apart/judged-answer.ts"
import { isLargeAnswer } from "../apart/large.ts"
import type { Turn } from "../apart/whole-answers.ts"
import type { AdmittedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Gateway } from "../gateway.ts"
import type { Translation } from "../translation/translation.ts"
import { returnRule } from "./returned-state.ts"

type Means = Pick<Gateway, "apart">
/** What is here already, or will be. */
export type Soon<Value> = Value | Promise<Value>

/** What the answer says about itself. */
export function judgeReply(
  bytes: Uint8Array,
  attempt: Attempt,
  call: AdmittedCall,
  { apart }: Means,
): Soon<JudgedReply> {
  const { target } = attempt
  const dialect = DIALECTS[target.dialect]
  const returns = returnRule(attempt, call)
  if (!isLargeAnswer(bytes.length)) return judgedReply(bytes, dialect, returns)
  return apart
    .run("judge", call.credential.caller.id, [bytes], { dialect: target.dialect, returns })
    .then((judged) => ({
      ...judged,
      meter: judged.meter === null ? null : new OutputMeter(dialect.tokens, judged.meter),
    }))
}

/** What the stream says about itself. */
export function judgeStream(
  bytes: Uint8Array,
  { target }: Attempt,
  call: AdmittedCall,
  { apart }: Means,
): Soon<JudgedStream> {
  const dialect = DIALECTS[target.dialect]
  if (!isLargeAnswer(bytes.length)) return judgedStream(bytes, dialect)
  return apart
    .run("judgeStream", call.credential.caller.id, [bytes], target.dialect)
    .then(({ meter, ...judged }) => ({ ...judged, meter: new OutputMeter(dialect.tokens, meter) }))
}

/** The answer in the client's dialect. */
export function turn(
  how: Turn,
  bytes: Uint8Array,
  translation: Translation,
  call: AdmittedCall,
  { apart }: Means,
): Soon<Uint8Array | UpstreamFault> {
  if (!isLargeAnswer(bytes.length)) return translation.turnAnswer(how, bytes)
  const order = { turn: how, ...translation.ways, needs: translation.packedNeeds }
  return apart.run("turn", call.credential.caller.id, [bytes], order).then((turned) => translation.took(turned))
}
