/** `scripts/run bench/micro/capture.ts`: what the step `keep` costs a call on its way, and what the thread does behind it. */
import { Captures } from "../../src/capture/captures.ts"
import type { Content } from "../../src/capture/content.ts"
import { rowsOf } from "../../src/capture/rows.ts"
import { captureSettings } from "../../src/config/compile/capture-rule.ts"
import type { Group } from "../../src/config/snapshot.ts"
import type { ContentStore } from "../../src/ledger/content.ts"
import type { AdmittedCall } from "../../src/pipeline/call.ts"
import { keep } from "../../src/pipeline/keep.ts"
import type { Outgoing } from "../../src/pipeline/message.ts"
import { systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { KEYS, mustLoad, SMALLEST } from "../../test/helpers/load-text.ts"
import { compare } from "./timing.ts"

const KEY = "0f".repeat(32)
const CAPTURE = `content_capture: { capture_request: true, capture_response: true, capture_headers_allowlist: [user-agent, x-team], encryption: { local_key: "${KEY}" } }`
const settings = captureSettings(mustLoad(SMALLEST.replace("  listen:", `  ${CAPTURE}\n  listen:`), { env: KEYS }))
if (settings === null) throw new Error("the configuration has no key")

const tools = {
  store: {} as ContentStore,
  seals: { seal: () => new Promise<never>(() => {}), close: () => {} },
  room: null,
  clock: systemClock,
  log: silentLog,
  loop: { turn: () => Promise.resolve() },
}
/** Takes everything, and keeps nothing: the line of a real one would be full. */
let captures = new Captures(settings, tools)
let taken = 0
const gateway = {
  captures: {
    take: (content: Content): void => {
      captures.take(content)
      if (++taken % 5000 === 0) captures = new Captures(settings, tools)
    },
    status: () => captures.status(),
  },
}

const headers = { get: (name: string) => (name === "user-agent" ? "bench/1" : null) }
const plain = { name: "plain", capture: null, piiFilter: null } as Partial<Group> as Group
const captured = { ...plain, name: "captured", capture: { enabled: true } } as Group

function callOf(group: Group, bytes: Uint8Array, capture: typeof settings): AdmittedCall {
  const call = {
    id: `req_${"0".repeat(32)}`,
    ts: 1,
    snapshot: { capture },
    group,
    credential: { caller: { id: "me", project: "lab", environment: "dev", capture: null } },
    request: { body: { bytes }, headers, isRedacted: false },
    attempts: [],
    life: { clientLeft: false },
    incoming: { onGone: null },
  }
  return call as unknown as AdmittedCall
}

function sized(bytes: number): Uint8Array {
  const words = "The quick brown fox jumps over the lazy dog, and goes on. "
  const text = JSON.stringify({ messages: [{ role: "user", content: words.repeat(Math.ceil(bytes / words.length)) }] })
  return new Uint8Array(Buffer.from(text.slice(0, -3).slice(0, bytes - 3) + text.slice(-5)))
}

const small = sized(800)
const agent = sized(160_000)
const whole = (body: Uint8Array): Outgoing => ({ status: 200, headers: {}, body })
const frame = Buffer.from(`data: {"choices":[{"index":0,"delta":{"content":" word"}}]}\n\n`)
const sink = { write: () => {}, isFull: () => false, drained: () => Promise.resolve() }
const streamed: Outgoing = {
  status: 200,
  headers: {},
  body: {
    pump: (writer) => {
      for (let count = 0; count < 100; count += 1) writer.write(frame)
      return Promise.resolve()
    },
  },
}
const answer = whole(small)
const answering = (call: AdmittedCall, outgoing: Outgoing) => (): unknown => keep(outgoing, call, gateway)
const pumping = (call: AdmittedCall) => (): unknown => {
  const { body } = keep(streamed, call, gateway)
  return typeof body === "object" && "pump" in body ? body.pump(sink) : null
}

compare("the step on a call's way", 20_000, {
  "no capture configured": answering(callOf(plain, small, null), answer),
  "group without capture": answering(callOf(plain, small, settings), answer),
  "0.8 KB and 0.8 KB": answering(callOf(captured, small, settings), answer),
  "160 KB and 0.8 KB": answering(callOf(captured, agent, settings), answer),
})
compare("a stream of 100 events", 2000, {
  "group without capture": pumping(callOf(plain, small, settings)),
  captured: pumping(callOf(captured, small, settings)),
})

const rule = settings.ruleOf(captured, { capture: null })
if (rule === null) throw new Error("nothing is captured")
const key = { day: "2026-12-01", localKeyId: "k", bytes: new Uint8Array(32) }
const contentOf = (bytes: Uint8Array): Content => ({
  requestId: "req_1",
  ts: 1,
  callerId: "me",
  project: "lab",
  environment: "dev",
  group: "captured",
  rule: { ...rule, maxBytes: 1 << 20 },
  parts: [{ name: "request", form: "json", bytes, totalBytes: bytes.length }],
})
const large = sized(8 << 20)
compare("in the thread: prepared, compressed and sealed", 20, {
  "0.8 KB": () => rowsOf(contentOf(small), key),
  "160 KB": () => rowsOf(contentOf(agent), key),
})
compare("in the thread, large", 1, { "8 MB": () => rowsOf(contentOf(large), key) })
process.exit(0)
