import { expect, test } from "bun:test"
import { readMessagesUsage } from "./usage.ts"

const written = (usage: object): unknown => {
  const read = readMessagesUsage({ input_tokens: 5, output_tokens: 1, ...usage }, null)
  return [read?.cacheWrite5mTokens, read?.cacheWrite1hTokens]
}

test("what the split of cache writes leaves out was written for five minutes", () => {
  const split = (short: number, long: number): object => ({
    cache_creation: { ephemeral_5m_input_tokens: short, ephemeral_1h_input_tokens: long },
  })
  expect(written({ cache_creation_input_tokens: 7 })).toEqual([7, 0])
  expect(written({ cache_creation_input_tokens: 7, ...split(0, 0) })).toEqual([7, 0])
  expect(written({ cache_creation_input_tokens: 7, ...split(0, 4) })).toEqual([3, 4])
  expect(written({ cache_creation_input_tokens: 7, ...split(3, 4) })).toEqual([3, 4])
  expect(written(split(3, 4))).toEqual([3, 4])
  expect(written({})).toEqual([0, 0])
})
