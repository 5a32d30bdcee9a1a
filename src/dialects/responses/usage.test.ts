import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { parseExact, type JsonValue } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import { readCanonicalUsage, readResponsesUsage, writeUsage } from "./usage.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const FULL = {
  input_tokens: 100,
  input_tokens_details: { cached_tokens: 60, cache_write_tokens: 10 },
  output_tokens: 20,
  output_tokens_details: { reasoning_tokens: 5 },
  total_tokens: 120,
  cost: 0.00000025,
}

describe("usage:", () => {
  test("counters are disjoint, and only those that were reported are there", () => {
    expect(readCanonicalUsage(FULL)).toEqual({
      freshInputTokens: 30,
      cacheReadTokens: 60,
      cacheWrite5mTokens: 10,
      outputTokens: 20,
      reasoningTokens: 5,
      reportedCostNanoUsd: 250,
      source: "provider",
    })
    expect(readCanonicalUsage({ input_tokens: 3 })).toEqual({ freshInputTokens: 3, source: "provider" })
    expect(readCanonicalUsage({ total_tokens: 3 })).toBeNull()
    expect(readCanonicalUsage(null)).toBeNull()
  })

  test("numbers in a spelling of their own count too", () => {
    const usage = parseExact('{"input_tokens":3,"output_tokens":4,"cost":1.00000000000000000e-6}')
    expect(readCanonicalUsage(usage)).toMatchObject({ freshInputTokens: 3, outputTokens: 4, reportedCostNanoUsd: 1000 })
  })

  test("the observer and the reader see the same numbers", () => {
    const count = fc.oneof(fc.nat(1000), fc.constantFrom<JsonValue>(null, -1, "7", 1.4))
    const shape = fc.record(
      {
        input_tokens: count,
        output_tokens: count,
        input_tokens_details: fc.record({ cached_tokens: count, cache_write_tokens: count }, { requiredKeys: [] }),
        output_tokens_details: fc.record({ reasoning_tokens: count }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    )
    expectProperty(
      fc.property(shape, (value) => {
        const [observed, read] = [readResponsesUsage(value), readCanonicalUsage(value)]
        expect(read === null).toBe(observed === null)
        expect(read?.freshInputTokens ?? 0).toBe(observed?.freshInputTokens ?? 0)
        expect(read?.cacheReadTokens ?? 0).toBe(observed?.cachedInputTokens ?? 0)
        expect(read?.cacheWrite5mTokens ?? 0).toBe(observed?.cacheWrite5mTokens ?? 0)
        expect(read?.outputTokens ?? 0).toBe(observed?.outputTokens ?? 0)
        expect(read?.reasoningTokens ?? null).toBe(observed?.reasoningTokens ?? null)
      }),
    )
  })

  test("written usage is the usage that was read", () => {
    const read = readCanonicalUsage(FULL)
    if (read === null) throw new Error("no usage")
    const losses = new Losses()
    const { cost: _cost, ...counters } = FULL
    expect(writeUsage(read, losses)).toEqual(counters)
    expect(losses.list()).toEqual([])
  })

  test("counters without a place are declared when they count something", () => {
    const losses = new Losses()
    writeUsage({ inputAudioTokens: 3, outputAudioTokens: 0, iterations: [], source: "provider" }, losses)
    expect(losses.list().map(({ path }) => path)).toEqual(["usage.inputAudioTokens", "usage.iterations"])
  })
})
