/** `scripts/run bench/micro/ledger-rows.ts`: what rows of a call cost to make, and to write in groups to SQLite. */
import { Database } from "bun:sqlite"
import { CallInserter } from "../../src/ledger/insert.ts"
import { valuesFrom } from "../../src/ledger/column.ts"
import { migrate } from "../../src/ledger/sqlite/migrate.ts"
import { REQUEST_USAGE } from "../../src/ledger/tables/usage.ts"
import type { CallRecord } from "../../src/ledger/record.ts"
import { scanObject } from "../../src/json/scan.ts"
import { shapeRow } from "../../src/pipeline/rows/shape-row.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { agentBody, longAgentBody, smallBody } from "../bodies.ts"
import { type Asked, callOf, end, groupOf } from "./calls.ts"
import { compare } from "./timing.ts"

const MAX_DEPTH = 512
const asked: Asked = { dialect: "openai-chat", group: groupOf("plain"), caller: "me-lab", headers: {} }
for (const [title, text, runs] of [
  ["small body", smallBody("bench"), 20_000],
  ["agent body", agentBody("bench"), 2000],
  ["long agent body", longAgentBody("bench"), 1000],
] as const) {
  const body = scanObject(new TextEncoder().encode(text), MAX_DEPTH)
  compare(`${title}, ${body.bytes.length} bytes`, runs, {
    "a call": () => callOf(body, asked),
    "a call and its images": () => callOf(body, asked).imageCount,
    "a call and its shape": () => shapeRow(callOf(body, asked), false),
    "a call and its end user": () => callOf(body, asked).request.shape.endUser,
  })
}

const shape = shapeRow(callOf(scanObject(new TextEncoder().encode(smallBody("bench")), MAX_DEPTH), asked), false)
const values = valuesFrom(REQUEST_USAGE)
const { usage } = sampleCall(Date.UTC(2026, 10, 22), 1)
compare("values", 50_000, { "of a row of request_usage": () => values(usage, usage.request_id).length })

const GROUP = 30
const database = new Database(":memory:")
await migrate(database, { nowMs: () => 0, onProgress: () => {} })
const inserter = new CallInserter(database)
let number = 0
function group(more: Partial<CallRecord>): void {
  const calls: CallRecord[] = []
  for (let count = 0; count < GROUP; count++) {
    number += 1
    calls.push({ ...sampleCall(Date.UTC(2026, 10, 22), number), ...more })
  }
  inserter.insert(calls)
}
compare(`a group of ${GROUP} calls in memory`, 20, {
  "without shapes": () => group({}),
  "with shapes": () => group({ shape: shape ?? undefined }),
})
await end()
