/** What the model wrote in the deltas of one frame, read from its bytes without decoding the JSON around it. */
import { latin1 } from "../text.ts"
import type { OutputMeter } from "./output-meter.ts"
import { afterBlanks, behindValue, closingQuote, valueBehind } from "./text-tokens.ts"

const QUOTE = 34
const COMMA = 44
const OPEN_LIST = 91
const OPEN_OBJECT = 123
const DELTA = '"delta"'

const ARGUMENTS: ReadonlySet<string> = new Set(["arguments", "input"])
const TEXTS: ReadonlySet<string> = new Set(["text", "summary"])
/** Marks of the wire, and what is sealed: text of these is none of the model's. */
const UNWRITTEN = /^(?:type|role|id|name|channel|signature|encrypted_content|data|obfuscation)$/
const REASONING = /^(?:reasoning|thinking)/
const BEGUN_CALL = /"name"\s*:\s*"[^"]/

/** Chat and Messages: each `delta` is an object. */
export function meterDeltas(bytes: Uint8Array, start: number, end: number, meter: OutputMeter): void {
  meterFrame(latin1(bytes, start, end), meter)
}

export function meterFrame(frame: string, meter: OutputMeter): void {
  let tokens = 0
  let isRead = false
  for (let at = frame.indexOf(DELTA); at >= 0; at = frame.indexOf(DELTA, at)) {
    at += DELTA.length
    const open = valueBehind(frame, at - 1)
    if (open < 0 || frame.charCodeAt(open) !== OPEN_OBJECT) continue
    tokens += objectTokens(frame, open, meter)
    isRead = true
  }
  if (isRead) meter.add(tokens)
  else meter.addUnread(frame.length)
}

/** Responses: each `delta` is a text. */
export function meterTextDelta(bytes: Uint8Array, start: number, end: number, meter: OutputMeter): void {
  const frame = latin1(bytes, start, end)
  const name = frame.indexOf(DELTA)
  const value = name < 0 ? -1 : valueBehind(frame, name + DELTA.length - 1)
  if (value < 0 || frame.charCodeAt(value) !== QUOTE) meter.addUnread(frame.length)
  else meter.add(meter.scan.string(frame, value))
}

/** The members of one delta. Servers give the same reasoning under several names: it counts once. */
function objectTokens(frame: string, open: number, meter: OutputMeter): number {
  let tokens = 0
  let reasoning = 0
  let at = afterBlanks(frame, open + 1)
  while (frame.charCodeAt(at) === QUOTE) {
    const close = closingQuote(frame, at)
    const value = valueBehind(frame, close)
    if (value < 0) break
    const name = frame.slice(at + 1, close)
    const first = frame.charCodeAt(value)
    const isReasoning = REASONING.test(name)
    let some = 0
    if (first === QUOTE) {
      if (UNWRITTEN.test(name)) at = closingQuote(frame, value) + 1
      else {
        some = meter.scan.string(frame, value)
        at = meter.scan.end
      }
    } else if (first === OPEN_LIST || first === OPEN_OBJECT) {
      at = behindValue(frame, value)
      some = innerTokens(frame, value, at, name, meter)
    } else at = endOfScalar(frame, value)
    if (isReasoning) {
      reasoning = Math.max(reasoning, some)
      if (some > 0) meter.showsReasoning = true
    } else tokens += some
    at = afterBlanks(frame, at)
    if (frame.charCodeAt(at) !== COMMA) break
    at = afterBlanks(frame, at + 1)
  }
  return tokens + reasoning
}

/** Of a member that is a list or an object. */
function innerTokens(frame: string, from: number, to: number, name: string, meter: OutputMeter): number {
  if (name === "tool_calls" || name === "function_call") {
    if (BEGUN_CALL.test(frame.slice(from, to))) meter.call()
    return meter.scan.members(frame, from, to, ARGUMENTS)
  }
  if (name !== "content" && !REASONING.test(name)) return 0
  if (frame.slice(from, to).includes('"thinking"')) meter.showsReasoning = true
  return meter.scan.members(frame, from, to, TEXTS)
}

function endOfScalar(frame: string, from: number): number {
  let at = from
  for (let code = frame.charCodeAt(at); code !== COMMA && code !== 0x7d && at < frame.length;)
    code = frame.charCodeAt(++at)
  return at
}
