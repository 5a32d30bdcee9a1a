import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { expectProperty } from "../../test/helpers/property.ts"
import { readEngineText } from "./engine-text.ts"

const VLLM = `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 2.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 99.0
vllm:kv_cache_usage_perc{engine="0",model_name="a \\"}\\" 7"} 0.25 1700000000000
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.5
vllm:prompt_tokens_total{engine="0",model_name="vllm:num_requests_running 5"} 1.0
`

test("vLLM: counts are added up, the fullest cache counts", () => {
  expect(readEngineText(VLLM, "vllm")).toEqual({ running: 7, waiting: 2, cacheUsage: 0.5 })
})

test("the older name of the cache's metric is known", () => {
  const older = VLLM.replaceAll("kv_cache", "gpu_cache").replaceAll("\n", "\r\n")
  expect(readEngineText(older, "vllm")?.cacheUsage).toBe(0.5)
})

test("the metrics of SGLang are read", () => {
  const text = 'sglang:num_running_reqs{model_name="m"} 12\nsglang:num_queue_reqs{model_name="m"} 5\n'
  expect(readEngineText(text, "sglang")).toEqual({ running: 12, waiting: 5, cacheUsage: null })
  expect(readEngineText(`${text}sglang:token_usage{model_name="m"} 0.75`, "sglang")?.cacheUsage).toBe(0.75)
})

describe("nothing is made of", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["an empty answer", ""],
    ["another engine's metrics", VLLM.replaceAll("vllm:", "sglang:")],
    ["HTML", "<html><body>vllm:num_requests_running 1</body></html>"],
    ["a missing metric", VLLM.replaceAll("num_requests_waiting{", "other{")],
    ["a negative count", VLLM.replace("} 3.0", "} -3.0")],
    ["a count that is none", VLLM.replace("} 3.0", "} NaN")],
    ["an endless count", VLLM.replace("} 3.0", "} +Inf")],
    ["a cache that is more than full", VLLM.replace("} 0.5", "} 37")],
    ["text in place of a number", VLLM.replace("} 2.0", "} many")],
  ]
  test.each(cases)("text with %s is not read", (_, text) => {
    expect(readEngineText(text, "vllm")).toBeNull()
  })
})

test("no text makes it throw", () => {
  const piece = fc.constantFrom(
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "{",
    "}",
    '"',
    "\\",
    " ",
    "\n",
    "1",
  )
  expectProperty(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const reading = readEngineText(pieces.join(""), "vllm")
      if (reading !== null) expect(reading.running).toBeGreaterThanOrEqual(0)
    }),
  )
})
