/** Where nodes and bands of a flow stand: columns by how many steps lead there, heights as shares of the largest column. */
import type { FlowChart } from "../../reports/pages/block.ts"

export interface FlowNode {
  readonly name: string
  readonly column: number
  /** Shares of the height, from the top. */
  readonly from: number
  readonly height: number
  readonly value: number
}

export interface Band {
  readonly from: string
  readonly to: string
  readonly value: number
  readonly isBad: boolean
  readonly fromColumn: number
  readonly toColumn: number
  readonly fromY: number
  readonly toY: number
  readonly height: number
}

export interface FlowLayout {
  readonly nodes: readonly FlowNode[]
  readonly bands: readonly Band[]
  readonly columns: number
  readonly mostInColumn: number
}

/** Share of the height that stays free between nodes. */
const FREE = 0.4

export function flowLayout(links: FlowChart["links"]): FlowLayout {
  const column = columnsOf(links)
  const names = [...column.keys()]
  const sum = (name: string, side: "from" | "to"): number =>
    links.reduce((all, link) => (link[side] === name ? all + link.value : all), 0)
  const value = new Map(names.map((name) => [name, Math.max(sum(name, "from"), sum(name, "to"))]))
  const columns = Math.max(...column.values()) + 1
  const inColumns = Array.from({ length: columns }, (_, index) =>
    names
      .filter((name) => column.get(name) === index)
      .toSorted((one, other) => (value.get(other) ?? 0) - (value.get(one) ?? 0)),
  )
  const largest = Math.max(1, ...inColumns.map((all) => all.reduce((total, name) => total + (value.get(name) ?? 0), 0)))
  const nodes = inColumns.flatMap((all, index) => {
    const gap = all.length < 2 ? 0 : FREE / all.length
    let at = 0
    return all.map((name): FlowNode => {
      const own = value.get(name) ?? 0
      const node = { name, column: index, from: at, height: (own / largest) * (1 - FREE), value: own }
      at += node.height + gap
      return node
    })
  })
  return {
    nodes,
    bands: bandsOf(links, nodes, largest),
    columns,
    mostInColumn: Math.max(...inColumns.map(({ length }) => length)),
  }
}

/** The longest way to each node; a circle ends where it would begin again. */
function columnsOf(links: FlowChart["links"]): Map<string, number> {
  const names = [...new Set(links.flatMap(({ from, to }) => [from, to]))]
  const column = new Map(names.map((name) => [name, 0]))
  for (let round = 1; round < names.length; round += 1) {
    let isSettled = true
    for (const { from, to } of links) {
      const next = (column.get(from) ?? 0) + 1
      if (next <= (column.get(to) ?? 0) || next >= names.length) continue
      column.set(to, next)
      isSettled = false
    }
    if (isSettled) break
  }
  return column
}

function bandsOf(links: FlowChart["links"], nodes: readonly FlowNode[], largest: number): Band[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const left = new Map<string, number>()
  const entered = new Map<string, number>()
  return links
    .toSorted((one, other) => (byName.get(one.to)?.from ?? 0) - (byName.get(other.to)?.from ?? 0))
    .flatMap((link): Band[] => {
      const [from, to] = [byName.get(link.from), byName.get(link.to)]
      if (from === undefined || to === undefined) return []
      const height = (link.value / largest) * (1 - FREE)
      const [fromY, toY] = [from.from + (left.get(link.from) ?? 0), to.from + (entered.get(link.to) ?? 0)]
      left.set(link.from, (left.get(link.from) ?? 0) + height)
      entered.set(link.to, (entered.get(link.to) ?? 0) + height)
      return [{ ...link, isBad: link.isBad === true, fromColumn: from.column, toColumn: to.column, fromY, toY, height }]
    })
}
