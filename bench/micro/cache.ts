/**
 * `scripts/run bench/micro/cache.ts`: what the response cache costs a call: one of a group without it (the bar is 0.3 µs), and
 * what one pays that it may answer: whether it may, what it asks, under which key.
 */
import { ResponseCache } from "../../src/cache/response-cache.ts"
import { scanObject } from "../../src/json/scan.ts"
import { routerHeaders } from "../../src/pipeline/answer/headers.ts"
import { cacheContent } from "../../src/pipeline/apart/cache-content.ts"
import { keptReply } from "../../src/pipeline/apart/kept-answer.ts"
import { keyOf, questionOf } from "../../src/pipeline/cache/cache-key.ts"
import { considerCaching } from "../../src/pipeline/cache/consider.ts"
import type { Gateway } from "../../src/pipeline/gateway.ts"
import { cacheColumns } from "../../src/pipeline/rows/cache-columns.ts"
import { smallBody } from "../bodies.ts"
import { callOf, end, gateway, groupOf, type Asked } from "./calls.ts"
import { compare } from "./timing.ts"

const RUNS = 20_000
const RULE = { maxBytes: 1 << 27, ttlMs: 900_000, streams: false, shared: false, isForAll: false }
const asked: Asked = { dialect: "openai-chat", group: groupOf("plain"), caller: "me-lab", headers: {} }
const body = scanObject(Buffer.from(smallBody("plain").replace('"temperature":0.7', '"temperature":0')), 512)
const cache = new ResponseCache(() => null)
cache.adopt(RULE)
const cached: Gateway = { ...gateway, cache }
const call = callOf(body, asked)
const [target] = call.group.targets
if (target === undefined) throw new Error("the group has no target")
const usage = { prompt_tokens: 100, completion_tokens: 60, total_tokens: 160 }
const message = { role: "assistant", content: "A process owns an address space; threads share one. ".repeat(6) }
const answer = { id: "chatcmpl-1", choices: [{ index: 0, message, finish_reason: "stop" }], usage }
const bytes = Buffer.from(JSON.stringify(answer))

/** Everything that asks whether the call meets the cache. */
function pass(): unknown {
  const caching = call.group.cache === null ? null : considerCaching(call.request, call.group.cache)
  const part = caching?.looksUp === true ? "start" : "all"
  call.caching?.close()
  const copy = call.caching?.copy ?? null
  return part === "all" && copy === null ? { ...cacheColumns(call, { source: "target" }, cached) } : null
}

compare("a call of a group without the cache", RUNS * 10, { "all that asks for it": pass })
compare("its headers, with the question in them", RUNS, { headers: () => routerHeaders(call, cached, {}) })
compare("a small call that the cache may answer", RUNS, {
  "may it?": () => considerCaching(callOf(body, asked).request, RULE),
  "the call alone": () => callOf(body, asked).request,
  "what it asks, decoded": () => cacheContent(body.bytes, body.values, "openai-chat"),
  "what it asks, seen before": () => questionOf(call, cached),
  "its key": () => keyOf("x".repeat(43), target, call, false),
  "may its answer be kept?": () => keptReply(bytes, "openai-chat"),
})
await end()
