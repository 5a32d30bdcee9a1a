/** A figure over time: lines, or parts of a whole stacked. */
import { scaleLinear } from "d3-scale"
import { area, line } from "d3-shape"
import type { VNode } from "preact"
import type { PageAnswer, Series, TableBlock, TimeChart, Value } from "../../reports/pages/block.ts"
import { BottomAxis, ValueAxis } from "./axis.tsx"
import type { BlockProps } from "./block-view.tsx"
import { ChartFrame, type Plot } from "./chart-frame.tsx"
import { axisText, scaleOf, single, slotText, tickText } from "./format.ts"
import { type Colours, coloursOf, dashOf, seriesClass } from "./series-colour.ts"

const HEIGHT = 250
/** Fewer slots are columns: each is a sum of its own. */
const MOST_COLUMNS = 62

/** From one edge to the other, of each slot. */
type Layer = readonly (readonly [low: number, high: number])[]

export function TimeChartView({ block, answer }: BlockProps<TimeChart>): VNode {
  const { series, times, kind, chart, slot } = block
  const { zone } = answer
  const hasPoints = series.some(({ points }) => points.some((point) => point !== null && Number(point) !== 0))
  if (times.length === 0 || !hasPoints)
    return <p class="empty chart-empty">Nothing happened in this range. A longer range or fewer filters show more.</p>
  const colours = coloursOf(answer).get(block.id) ?? []
  const layers = layersOf(series, chart === "area")
  const most = Math.max(0, ...layers.flatMap((layer) => layer.map(([, high]) => (Number.isNaN(high) ? 0 : high))))
  const unit = scaleOf(
    kind,
    series.flatMap(({ points }) => points),
  )
  return (
    <ChartFrame
      id={block.id}
      title={block.title}
      height={HEIGHT}
      count={times.length}
      nearest={(x, plot) => nearestSlot(x, plot, times.length)}
      describe={(index) =>
        `${slotText(times[index] ?? 0, slot, zone)}: ${series.map(({ name, points }) => `${name} ${single(kind, points[index] ?? null)}`).join(", ")}`
      }
      draw={(plot, cursor) => (
        <Drawing
          colours={colours}
          block={block}
          layers={layers}
          most={most}
          answer={answer}
          plot={plot}
          cursor={cursor}
        />
      )}
      legend={(cursor) => <Legend colours={colours} block={block} zone={zone} cursor={cursor} />}
      table={tableOf(block, unit.unit)}
      zone={zone}
    />
  )
}

function layersOf(series: readonly Series[], isStacked: boolean): Layer[] {
  const below: number[] = []
  return series.map(({ points }) =>
    points.map((point, index) => {
      const value = point === null ? Number.NaN : Number(point)
      if (!isStacked) return [0, value] as const
      const low = below[index] ?? 0
      const high = low + (value || 0)
      below[index] = high
      return [low, high] as const
    }),
  )
}

function slotWidth(plot: Plot, count: number): number {
  return (plot.right - plot.left) / count
}

function nearestSlot(x: number, plot: Plot, count: number): number {
  return Math.max(0, Math.min(count - 1, Math.floor((x - plot.left) / slotWidth(plot, count))))
}

/** The first and the last slot may reach beyond the range. */
export function partialSlots(times: readonly number[], { from, to }: Pick<PageAnswer, "from" | "to">): number[] {
  const last = times.length - 1
  const [first = from, ending = from, before = ending] = [times[0], times[last], times[last - 1]]
  return [...(first < from ? [0] : []), ...(last > 0 && ending + (ending - before) > to ? [last] : [])]
}

interface DrawingProps {
  readonly colours: Colours
  readonly block: TimeChart
  readonly layers: readonly Layer[]
  readonly most: number
  readonly answer: PageAnswer
  readonly plot: Plot
  readonly cursor: number | null
}

function Drawing({ colours, block, layers, most, answer, plot, cursor }: DrawingProps): VNode {
  const { times, series, kind, slot, chart } = block
  const y = scaleLinear([0, most > 0 && Number.isFinite(most) ? most : 1], [plot.bottom, plot.top]).nice(4)
  const width = slotWidth(plot, times.length)
  const middle = (index: number): number => plot.left + width * (index + 0.5)
  const every = Math.max(1, Math.ceil(times.length / Math.max(2, Math.floor((plot.right - plot.left) / 72))))
  const shown = times.flatMap((time, index) =>
    index % every === 0 ? [{ at: middle(index), text: tickText(time, slot, answer.zone) }] : [],
  )
  const partial = partialSlots(times, answer)
  return (
    <>
      <ValueAxis plot={plot} ticks={y.ticks(4).map((value) => ({ at: y(value), text: axisText(kind, value) }))} />
      <BottomAxis plot={plot} ticks={shown} />
      {series.map(({ name }, index) => (
        <Marks
          key={name}
          chart={chart}
          layer={layers[index] ?? []}
          place={{ middle, y, width, partial }}
          class={seriesClass(colours[index])}
          dash={dashOf(colours[index])}
        />
      ))}
      {cursor !== null && (
        <line class="cursor" x1={middle(cursor)} x2={middle(cursor)} y1={plot.top} y2={plot.bottom} />
      )}
    </>
  )
}

interface Placing {
  readonly middle: (index: number) => number
  readonly y: (value: number) => number
  readonly width: number
  /** Slots that the range cuts. */
  readonly partial: readonly number[]
}

interface MarksProps {
  readonly chart: "line" | "area"
  readonly layer: Layer
  readonly place: Placing
  readonly class: string
  readonly dash: string | undefined
}

function Marks({ chart, layer, place, dash, ...rest }: MarksProps): VNode {
  const { middle, y, width } = place
  if (chart === "line") {
    const path = line<readonly [number, number]>(
      (_, index) => middle(index),
      ([, high]) => y(high),
    ).defined(isThere)
    const alone = layer.filter(
      (each, index) => isThere(each) && !isThereAt(layer, index - 1) && !isThereAt(layer, index + 1),
    )
    return (
      <g class={`${rest.class} line`}>
        <path d={path(layer) ?? ""} stroke-dasharray={dash} />
        {alone.map((each) => (
          <circle key={layer.indexOf(each)} cx={middle(layer.indexOf(each))} cy={y(each[1])} r="3" />
        ))}
      </g>
    )
  }
  if (layer.length > MOST_COLUMNS) {
    const shape = area<readonly [number, number]>(
      (_, index) => middle(index),
      ([low]) => y(low),
      ([, high]) => y(high),
    )
    return <path class={`${rest.class} fill`} d={shape(layer) ?? ""} />
  }
  const half = Math.max(0.5, Math.min(width * 0.4, 24))
  const isWhole = (index: number): boolean => !place.partial.includes(index)
  const columns = layer.map(([low, high], index) =>
    high > low ? `M${middle(index) - half} ${y(low)}V${y(high)}h${2 * half}V${y(low)}Z` : "",
  )
  return (
    <g class={`${rest.class} fill`}>
      <path d={columns.filter((_, index) => isWhole(index)).join("")} />
      <path class="partial" d={columns.filter((_, index) => !isWhole(index)).join("")} />
    </g>
  )
}

function isThere([, high]: readonly [number, number]): boolean {
  return !Number.isNaN(high)
}

function isThereAt(layer: Layer, index: number): boolean {
  return !Number.isNaN(layer[index]?.[1] ?? Number.NaN)
}

interface LegendProps {
  readonly colours: Colours
  readonly block: TimeChart
  readonly zone: string
  readonly cursor: number | null
}

function Legend({ colours, block, zone, cursor }: LegendProps): VNode {
  const { series, times, slot, kind, chart } = block
  const values = series.map(({ points }) => (cursor === null ? summed(points, chart) : (points[cursor] ?? null)))
  const scale = scaleOf(kind, values)
  // durations may be of different size: each says its unit
  const [unit, text] = kind === "ms" ? ["", (value: Value) => single(kind, value)] : [scale.unit, scale.text]
  const when = cursor === null ? (chart === "area" ? "In all" : "Latest") : slotText(times[cursor] ?? 0, slot, zone)
  return (
    <div class="legend">
      <p class="when">
        {when}
        {unit !== "" && <span class="unit"> ({unit})</span>}
      </p>
      <ul>
        {series.map(({ name }, index) => (
          <li key={name}>
            <svg class={seriesClass(colours[index])} width="18" height="10" aria-hidden="true">
              {chart === "line" ? (
                <line x1="0" x2="18" y1="5" y2="5" stroke-dasharray={dashOf(colours[index])} />
              ) : (
                <rect width="18" height="10" rx="2" />
              )}
            </svg>
            <span class="name" title={name}>
              {name}
            </span>
            <span class="figure">{text(values[index] ?? null)}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Of parts the sum, of lines the last value that there is. */
function summed(points: readonly Value[], chart: "line" | "area"): Value {
  if (chart === "line") return points.findLast((point) => point !== null) ?? null
  const sum = points.reduce((all: bigint, point) => all + BigInt(Math.trunc(Number(point ?? 0))), 0n)
  return String(sum)
}

function tableOf(block: TimeChart, unit: string): TableBlock {
  const { times, series, kind } = block
  return {
    id: `${block.id}-data`,
    title: `${block.title}${unit === "" ? "" : `, ${unit}`}`,
    show: "table",
    columns: [
      { key: "time", title: "From", kind: "time" },
      ...series.map(({ name }, index) => ({ key: String(index), title: name, kind })),
    ],
    rows: times.map((time, index) => [time, ...series.map(({ points }) => points[index] ?? null)]),
    totals: null,
    hasRest: false,
    rowCount: times.length,
  }
}
