import type { VNode } from "preact"
import type { Plot } from "./chart-frame.tsx"

interface AxisProps {
  readonly plot: Plot
  readonly ticks: readonly { readonly at: number; readonly text: string }[]
}

export function ValueAxis({ plot, ticks }: AxisProps): VNode {
  return (
    <g class="axis">
      {ticks.map(({ at, text }) => (
        <g key={text}>
          <line x1={plot.left} x2={plot.right} y1={at} y2={at} />
          <text x={plot.left - 8} y={at} dy="0.32em" text-anchor="end">
            {text}
          </text>
        </g>
      ))}
    </g>
  )
}

/** Leaves out what would stand on another's feet. */
export function BottomAxis({ plot, ticks }: AxisProps): VNode {
  return (
    <g class="axis">
      {ticks.map(({ at, text }) => (
        <text
          key={`${at} ${text}`}
          x={at}
          y={plot.height - 8}
          text-anchor={at < plot.left + 24 ? "start" : at > plot.right - 24 ? "end" : "middle"}
        >
          {text}
        </text>
      ))}
    </g>
  )
}
