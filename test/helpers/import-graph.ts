/** Which file of the product imports which, types included. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"

const IMPORT = /^(?:import|export)\b[^"';]*?"(\.[^"\n]+\.ts)"|\bimport\("(\.[^"\n]+\.ts)"\)/gm

/** By path from `root`, without tests. */
export function importGraph(root: string): ReadonlyMap<string, readonly string[]> {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.endsWith(".d.ts"),
  )
  const known = new Set(files)
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(root, file), "utf8")
      const imported = [...text.matchAll(IMPORT)].map((match) =>
        normalize(join(dirname(file), match[1] ?? match[2] ?? "")),
      )
      return [file, imported.filter((one) => known.has(one))]
    }),
  )
}

/** Files that all lead to one another, as lists of more than one file (Tarjan's algorithm). */
export function circlesIn(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const numbers = new Map<string, number>()
  const lowest = new Map<string, number>()
  const path: string[] = []
  const onPath = new Set<string>()
  const circles: string[][] = []
  const visit = (file: string): number => {
    const number = numbers.size
    numbers.set(file, number)
    let low = number
    path.push(file)
    onPath.add(file)
    for (const next of graph.get(file) ?? []) {
      if (!numbers.has(next)) low = Math.min(low, visit(next))
      else if (onPath.has(next)) low = Math.min(low, numbers.get(next) ?? low)
    }
    lowest.set(file, low)
    if (low !== number) return low
    const circle = path.splice(path.indexOf(file))
    for (const one of circle) onPath.delete(one)
    if (circle.length > 1) circles.push(circle.toSorted())
    return low
  }
  for (const file of graph.keys()) if (!numbers.has(file)) visit(file)
  return circles
}
