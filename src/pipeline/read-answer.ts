/** Reads whole answers: at once where they are small, else in another thread. */
import { OutputMeter } from "../dialects/output-meter.ts"
import { DIALECTS } from "../dialects/registry.ts"
import type { UpstreamFault } from "../dialects/dialect.ts"
import { isLargeAnswer } from "./apart/large.ts"
import { judgedReply, judgedStream, type JudgedReply, type JudgedStream } from "./apart/judged-answer.ts"
import type { Turn } from "./apart/whole-answers.ts"
import type { Attempt, Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { returnRule } from "./returned-state.ts"
import type { Translation } from "./translation.ts"

/** What is here already, or will be. */
export type Soon<Value> = Value | Promise<Value>

/** What the answer says about itself. */
export function judge(bytes: Uint8Array, { target }: Attempt, call: Call, { apart }: Gateway): Soon<JudgedReply> {
  const dialect = DIALECTS[target.dialect]
  const returns = returnRule(call)
  if (!isLargeAnswer(bytes)) return judgedReply(bytes, dialect, returns)
  return apart.run("judge", call.callerId, [bytes], { dialect: target.dialect, returns }).then((judged) => ({
    ...judged,
    meter: judged.meter === null ? null : new OutputMeter(dialect.tokens, judged.meter),
  }))
}

/** What the stream says about itself. */
export function judgeStream(
  bytes: Uint8Array,
  { target }: Attempt,
  call: Call,
  { apart }: Gateway,
): Soon<JudgedStream> {
  const dialect = DIALECTS[target.dialect]
  if (!isLargeAnswer(bytes)) return judgedStream(bytes, dialect)
  return apart
    .run("judgeStream", call.callerId, [bytes], target.dialect)
    .then(({ meter, ...judged }) => ({ ...judged, meter: new OutputMeter(dialect.tokens, meter) }))
}

/** The answer in the client's dialect. */
export function turn(
  how: Turn,
  bytes: Uint8Array,
  translation: Translation,
  call: Call,
  { apart }: Gateway,
): Soon<Uint8Array | UpstreamFault> {
  if (!isLargeAnswer(bytes)) return translation.turned(how, bytes)
  const order = { turn: how, ...translation.ways, needs: translation.packedNeeds }
  return apart.run("turn", call.callerId, [bytes], order).then((turned) => translation.took(turned))
}

/** Goes on at once where there is nothing to wait for. */
export function after<Value, Next>(value: Soon<Value>, goOn: (value: Value) => Soon<Next>): Soon<Next> {
  return value instanceof Promise ? value.then(goOn) : goOn(value)
}
