/** Files that lead to one another, types included, must be read together: there are at most three in such a circle. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { circlesIn, importGraph } from "./helpers/import-graph.ts"

const MOST_FILES = 3

test("the search finds a circle, and tells two from one", () => {
  const graph = { a: ["b"], b: ["c"], c: ["a", "d"], d: ["e"], e: ["d"], f: ["a", "f"] }
  expect(circlesIn(new Map(Object.entries(graph)))).toEqual([
    ["d", "e"],
    ["a", "b", "c"],
  ])
})

test("no circle of imports has more files than it may have", () => {
  const graph = importGraph(join(import.meta.dir, "../src"))
  expect(graph.get("main.ts")?.length).toBeGreaterThan(0)
  expect(circlesIn(graph).filter((circle) => circle.length > MOST_FILES)).toEqual([])
})
