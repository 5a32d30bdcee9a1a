/** Many conversations over three equal targets: each stays where it is, and a dying target costs none of them a call. */
import { expect, test } from "bun:test"
import { converse } from "../../helpers/conversations.ts"

const WORK = { seed: 7, conversations: 60, turns: 8, concurrency: 12 }

test("each conversation stays on one target, and all targets have some", async () => {
  const { calls, failed, meanKept, spread } = await converse({ ...WORK, diesAfter: null })
  expect(failed).toBe(0)
  expect(meanKept).toBeGreaterThanOrEqual(0.99)
  // six standard deviations of the draw of 60 conversations
  for (const share of spread) expect(share / calls).toBeGreaterThan(0.03)
})

test("when a target dies, fewer than one call in a hundred is lost, and its conversations stay together elsewhere", async () => {
  const { calls, failed, leastKept, spread } = await converse({ ...WORK, diesAfter: 0.5 })
  expect(failed / calls).toBeLessThan(0.01)
  expect(spread.every((count) => count > 0)).toBe(true)
  // one move and no second: the larger part of a conversation is at least half of it
  expect(leastKept).toBeGreaterThanOrEqual(0.5)
})
