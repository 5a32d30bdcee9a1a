/** How many calls took how long, on a logarithmic axis: the buckets are equally wide there. */
import { scaleLinear, scaleLog } from "d3-scale"
import type { VNode } from "preact"
import type { HistogramChart } from "../../reports/pages/block.ts"
import { BottomAxis, ValueAxis } from "./axis.tsx"
import { ChartFrame, type Plot } from "./chart-frame.tsx"
import { axisText, single } from "./format.ts"
import { usePlace } from "./location.ts"

const HEIGHT = 230
/** The first bucket begins at 0, which no logarithmic axis has. */
const LEAST = 1

type X = (value: number) => number

export function HistogramView({ block }: { readonly block: HistogramChart }): VNode {
  const { buckets, kind, marks } = block
  const zone = usePlace().parameters.get("tz") ?? "UTC"
  const [first] = buckets
  const last = buckets.at(-1)
  if (first === undefined || last === undefined)
    return (
      <p class="empty chart-empty">No call of this range has a value. A longer range or fewer filters show more.</p>
    )
  const xOf = (plot: Plot): X => {
    const scale = scaleLog([Math.max(LEAST, first.from), Math.max(LEAST * 2, last.to)], [plot.left, plot.right])
    return (value) => scale(Math.max(LEAST, value))
  }
  return (
    <ChartFrame
      id={block.id}
      title={block.title}
      height={HEIGHT}
      count={buckets.length}
      nearest={(x, plot) => nearestBucket(x, buckets, xOf(plot))}
      describe={(index) => sentence(block, index)}
      draw={(plot, cursor) => <Drawing block={block} plot={plot} x={xOf(plot)} cursor={cursor} />}
      legend={(cursor) => (
        <p class="legend when">
          {cursor === null
            ? marks.map(({ name, value }) => `${name} ${single(kind, value)}`).join(" · ")
            : sentence(block, cursor)}
        </p>
      )}
      table={{
        id: `${block.id}-data`,
        title: block.title,
        show: "table",
        columns: [
          { key: "from", title: "From", kind },
          { key: "to", title: "Below", kind },
          { key: "count", title: "Calls", kind: "count" },
        ],
        rows: buckets.map(({ from, to, count }) => [from, to, count]),
        totals: null,
        hasRest: false,
        rowCount: buckets.length,
      }}
      zone={zone}
    />
  )
}

function nearestBucket(at: number, buckets: HistogramChart["buckets"], x: X): number {
  const found = buckets.findIndex(({ to }) => at < x(to))
  return found === -1 ? buckets.length - 1 : found
}

function sentence({ buckets, kind }: HistogramChart, index: number): string {
  const { from = 0, to = 0, count = 0 } = buckets[index] ?? {}
  return `${single(kind, from)} to ${single(kind, to)}: ${single("count", count)} calls`
}

interface DrawingProps {
  readonly block: HistogramChart
  readonly plot: Plot
  readonly x: X
  readonly cursor: number | null
}

function Drawing({ block, plot, x, cursor }: DrawingProps): VNode {
  const { buckets, kind, marks } = block
  const most = buckets.reduce((all, { count }) => Math.max(all, count), 1)
  const y = scaleLinear([0, most], [plot.bottom, plot.top]).nice(4)
  const low = Math.max(LEAST, buckets[0]?.from ?? LEAST)
  const high = buckets.at(-1)?.to ?? low
  const steps = [1, 3].flatMap((step) => Array.from({ length: 10 }, (_, power) => step * 10 ** power))
  const ticks = steps.filter((step) => step >= low && step <= high && x(step) > plot.left + 10)
  return (
    <>
      <ValueAxis
        plot={plot}
        ticks={y
          .ticks(4)
          .filter(Number.isInteger)
          .map((value) => ({ at: y(value), text: axisText("count", value) }))}
      />
      <BottomAxis plot={plot} ticks={ticks.map((value) => ({ at: x(value), text: axisText(kind, value) }))} />
      {buckets.map(({ from, to, count }, index) => (
        <rect
          key={from}
          class={index === cursor ? "bucket chosen" : "bucket"}
          x={x(from)}
          width={Math.max(1, x(to) - x(from) - 0.5)}
          y={y(count)}
          height={Math.max(0, plot.bottom - y(count))}
        />
      ))}
      {marks.map(({ name, value }, index) => (
        <g key={name} class="rank">
          <line x1={x(value)} x2={x(value)} y1={plot.top} y2={plot.bottom} />
          <text x={x(value) - 4} y={plot.top + 10 + 13 * index} text-anchor="end">
            {name}
          </text>
        </g>
      ))}
    </>
  )
}
