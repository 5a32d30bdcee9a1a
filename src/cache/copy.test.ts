/** Copies of streams under way: whole or nothing, and together within a bound. */
import { heapStats } from "bun:jsc"
import { expect, test } from "bun:test"
import { Copy, CopyBudget } from "./copy.ts"

const piece = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(7)

function budgetOf(mostBytes: number): CopyBudget {
  const budget = new CopyBudget()
  budget.mostBytes = mostBytes
  return budget
}

test("a copy is the whole stream, also where its pieces are written over", () => {
  const copy = new Copy(100, "c", budgetOf(100))
  const used = piece(3)
  copy.add(used)
  used.fill(9)
  copy.add(used)
  expect(copy.take()).toEqual(Buffer.from([7, 7, 7, 9, 9, 9]))
  expect(copy.take()).toBeNull()
})

test("one that is too large is nothing, whatever comes behind it", () => {
  const budget = budgetOf(100)
  const copy = new Copy(10, "c", budget)
  for (const bytes of [8, 3, 1]) copy.add(piece(bytes))
  expect([copy.take(), budget.bytes]).toEqual([null, 0])
})

test("all together stay within the bound, and what ends gives its part back", () => {
  const budget = budgetOf(100)
  const copies = Array.from({ length: 20 }, () => new Copy(50, "c", budget))
  for (let round = 0; round < 5; round++) {
    for (const copy of copies) copy.add(piece(6))
    expect(budget.bytes).toBeLessThanOrEqual(100)
  }
  for (const copy of copies) copy.drop()
  expect(budget.bytes).toBe(0)
  const last = new Copy(50, "c", budget)
  last.add(piece(50))
  expect(last.take()).toHaveLength(50)
  expect(budget.bytes).toBe(0)
})

test("pieces of a byte take no more than eight bytes of memory each", () => {
  const held = (): number => {
    Bun.gc(true)
    const { heapSize, extraMemorySize } = heapStats()
    return heapSize + extraMemorySize
  }
  const bytes = 1_000_000
  const before = held()
  const copy = new Copy(bytes, "c", budgetOf(bytes))
  for (let sent = 0; sent < bytes; sent++) copy.add(piece(1))
  expect(held() - before).toBeLessThan(8 * bytes)
  expect(copy.take()?.length).toBe(bytes)
})
