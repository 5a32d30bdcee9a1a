/** Bands from left to right: as high as the values that go along them. */
import type { VNode } from "preact"
import type { FlowChart, TableBlock } from "../../reports/pages/block.ts"
import { ChartFrame, type Plot } from "./chart-frame.tsx"
import { type Band, flowLayout } from "./flow-layout.ts"
import { single } from "./format.ts"
import { usePlace } from "./location.ts"

const ROW = 44
const NODE = 10

export function FlowView({ block }: { readonly block: FlowChart }): VNode {
  const { links, kind } = block
  const zone = usePlace().parameters.get("tz") ?? "UTC"
  if (links.length === 0)
    return (
      <p class="empty">No call went from one target to another in this range: the first one answered every time.</p>
    )
  const layout = flowLayout(links)
  const height = Math.min(640, 120 + ROW * layout.mostInColumn)
  return (
    <ChartFrame
      id={block.id}
      title={block.title}
      height={height}
      count={layout.bands.length}
      nearest={(x) => Math.max(0, Math.min(layout.bands.length - 1, Math.floor((x / 640) * layout.bands.length)))}
      describe={(index) => sentence(layout.bands[index], kind)}
      draw={(plot, cursor) => <Drawing layout={layout} plot={plot} cursor={cursor} kind={kind} />}
      legend={(cursor) => (
        <p class="legend when">{cursor === null ? `${links.length} ways` : sentence(layout.bands[cursor], kind)}</p>
      )}
      table={tableOf(block)}
      zone={zone}
    />
  )
}

function sentence(band: Band | undefined, kind: FlowChart["kind"]): string {
  return band === undefined ? "" : `${band.from} to ${band.to}: ${single(kind, band.value)}`
}

interface DrawingProps {
  readonly layout: ReturnType<typeof flowLayout>
  readonly plot: Plot
  readonly cursor: number | null
  readonly kind: FlowChart["kind"]
}

function Drawing({ layout, plot, cursor, kind }: DrawingProps): VNode {
  const { nodes, bands, columns } = layout
  const left = 4
  const right = plot.width - 4
  const x = (column: number): number => (columns < 2 ? left : left + ((right - left - NODE) * column) / (columns - 1))
  const y = (share: number): number => 12 + share * (plot.height - 30)
  return (
    <>
      {bands.map((band, index) => {
        const [from, to] = [x(band.fromColumn) + NODE, x(band.toColumn)]
        const middle = (from + to) / 2
        const thick = Math.max(1, band.height * (plot.height - 30))
        const [begin, end] = [y(band.fromY) + thick / 2, y(band.toY) + thick / 2]
        return (
          <path
            key={`${band.from} ${band.to}`}
            class={`band${band.isBad ? " bad" : ""}${index === cursor ? " chosen" : ""}`}
            d={`M${from} ${begin}C${middle} ${begin} ${middle} ${end} ${to} ${end}`}
            stroke-width={thick}
          />
        )
      })}
      {nodes.map(({ name, column, from, height, value }) => {
        const isLast = column === columns - 1 && columns > 1
        return (
          <g key={`${name} ${column}`} class="node">
            <rect x={x(column)} y={y(from)} width={NODE} height={Math.max(2, height * (plot.height - 30))} rx="2" />
            <text
              x={isLast ? x(column) - 6 : x(column) + NODE + 6}
              y={y(from + height / 2)}
              dy="0.32em"
              text-anchor={isLast ? "end" : "start"}
            >
              {name.length > 40 ? `${name.slice(0, 39)}…` : name} · {single(kind, value)}
            </text>
          </g>
        )
      })}
    </>
  )
}

function tableOf({ id, title, links, kind }: FlowChart): TableBlock {
  return {
    id: `${id}-data`,
    title,
    show: "table",
    columns: [
      { key: "from", title: "From", kind: "text" },
      { key: "to", title: "To", kind: "text" },
      { key: "value", title: "Calls", kind },
    ],
    rows: links.map(({ from, to, value }) => [from, to, value]),
    totals: null,
    hasRest: false,
    rowCount: links.length,
  }
}
