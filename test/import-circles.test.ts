/** Files that lead to one another, types included, must be read together: there are at most three in such a circle. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { circlesIn, importGraph } from "./helpers/import-graph.ts"

const MOST_FILES = 3
/** Circles that are larger: they may become smaller, and not larger. By the folder. */
const LARGER: Readonly<Record<string, number>> = { dialects: 5, ledger: 4 }

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
  const tooLarge = circlesIn(graph).filter((circle) => {
    const folders = [...new Set(circle.map((file) => file.split("/")[0] ?? ""))]
    return circle.length > Math.max(MOST_FILES, folders.length === 1 ? (LARGER[folders[0] ?? ""] ?? 0) : 0)
  })
  expect(tooLarge).toEqual([])
})
