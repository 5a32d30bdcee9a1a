/** `scripts/run bench/micro/spans.ts`: what a call costs that is exported as spans, with the request around them and without the network. */
import type { Random } from "../../src/system/random.ts"
import { systemRandom } from "../../src/system/random.ts"
import { attemptTraceParent, beginTrace } from "../../src/telemetry/call-trace.ts"
import { writeCallSpans, type TracedCall } from "../../src/telemetry/call-spans.ts"
import { JsonWriter } from "../../src/telemetry/json.ts"
import type { OtlpWriter } from "../../src/telemetry/otlp.ts"
import { ProtoWriter } from "../../src/telemetry/proto.ts"
import { scanObject } from "../../src/json/scan.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { agentBody } from "../bodies.ts"
import { compare } from "./timing.ts"

const RUNS = 20_000
/** Calls of one export. */
const BATCH = 512
const START = 1_764_200_000_000
const RULE = { ratio: 1, followsParent: true, slowMs: Infinity, showsHosts: false }
const RESOURCE = {
  attributes: [["service.name", "smart-router"]],
  scope: { name: "smart-router", version: "0" },
} as const
const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

const records = Array.from({ length: 100 }, (_, index) =>
  sampleCall(START, index, { caller_id: `caller-${index}`, stream: 1, cache_write_5m_tokens: 10 }),
)
const scanned = scanObject(Buffer.from(agentBody("default")), 512)
const members = [
  { key: "temperature", start: 0, end: 3 },
  { key: "top_p", start: 0, end: 3 },
]
const body = { bytes: Buffer.from("0.5"), members: [...members, ...scanned.members] }
const random: Random = systemRandom()

function calls(out: OtlpWriter): () => unknown {
  let turn = 0
  let pieces: Uint8Array[] = []
  return () => {
    const record = records[turn++ % records.length]
    if (record === undefined) return null
    const tracing = beginTrace(turn % 2 === 0 ? PARENT : null, RULE, random)
    const call: TracedCall = {
      tracing,
      ts: START,
      startedAt: 1000,
      incoming: { method: "POST", path: "/v1/chat/completions" },
      facts: { outputCap: { tokens: 4096 }, choices: 1 },
      request: { body },
      attempts: [
        {
          startedAt: 1000.4,
          endedAt: 1810.5,
          firstContentAt: 1310,
          failure: null,
          target: { origin: { hostname: "api.example.com", port: 443 } },
        },
      ],
    }
    const header = attemptTraceParent(tracing, 0)
    writeCallSpans(out, call, tracing, record, { names: "both", showsHosts: false })
    pieces.push(out.take())
    if (pieces.length === BATCH) {
      out.request("traces", RESOURCE, pieces)
      pieces = []
    }
    return header
  }
}

compare(`one call: its place in the trace, three spans, and its share of a request with ${BATCH} calls`, RUNS, {
  protobuf: calls(new ProtoWriter()),
  json: calls(new JsonWriter()),
})
