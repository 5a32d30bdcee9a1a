/** The limits nearest to their end come first, however many there are, and others have turns meanwhile. */
import { expect, test } from "bun:test"
import { readAsked } from "../asked.ts"
import type { LimitUse, Sources } from "../section.ts"
import { LIMITS } from "./limits.ts"

const COUNT = 50_000
const NOW = Date.UTC(2026, 10, 30)
const TOP = 25

/** Each with another share; 7919 is prime to the count, so that they come in no order. */
const USES: readonly LimitUse[] = Array.from({ length: COUNT }, (_, index) => ({
  subject: "caller",
  id: `app-${index}`,
  project: "lab",
  environment: "prod",
  limit: "spend.month_usd",
  unit: "money",
  allowed: BigInt(COUNT),
  used: BigInt((index * 7919) % COUNT),
  reserved: 0n,
  periodFrom: 0,
  usedInLastDay: 0n,
  resetsAt: null,
  warnsAtPercent: 80,
}))

test("the first of fifty thousand are those that a sort of all finds", async () => {
  const defaults = { nowMs: NOW, sinceMs: 86_400_000, zone: "UTC", top: TOP, scope: null, baselines: [] }
  const asked = readAsked({ near: "50" }, defaults)
  let turns = 0
  let isOver = false
  const turn = (): void => {
    turns += 1
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const limits = async (): Promise<readonly LimitUse[]> => await Promise.resolve(USES)
  const { tables } = await LIMITS.build(asked, { limits, nowMs: NOW } as Sources)
  isOver = true
  const budgets = tables.find(({ id }) => id === "budgets")
  const place = budgets?.columns.findIndex(({ key }) => key === "used_usd") ?? -1
  expect(budgets?.rows.map((row) => row[place])).toEqual(
    Array.from({ length: TOP }, (_, index) => BigInt(COUNT - 1 - index)),
  )
  expect(budgets?.notes).toEqual([`${COUNT / 2 - TOP} more are left out: a larger top shows them.`])
  expect(turns).toBeGreaterThan(20)
})
