import type { VNode } from "preact"
import type { Timeline } from "../../reports/pages/block.ts"
import { single } from "./format.ts"
import { StateMark } from "./state-mark.tsx"

const WIDTH = 1000

/** One row for each span; the bars share one axis from 0 to the end of the call. */
export function TimelineView({ block }: { readonly block: Timeline }): VNode {
  const total = Math.max(1, block.totalMs)
  const x = (ms: number): number => (Math.max(0, Math.min(total, ms)) / total) * WIDTH
  return (
    <figure class="scroll" aria-label={block.title} tabindex={0}>
      <table class="timeline-rows">
        <caption class="visually-hidden">{block.title}</caption>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">
              <span class="axis-ends">
                <span>0</span>
                <span>{single("ms", block.totalMs)}</span>
              </span>
            </th>
            <th scope="col" class="number">
              From
            </th>
            <th scope="col" class="number">
              Took
            </th>
          </tr>
        </thead>
        <tbody>
          {block.spans.map(({ name, fromMs, durationMs, state, note }, index) => (
            <tr key={index}>
              <th scope="row">
                <StateMark state={state} /> {name}
                {note !== undefined && <span class="note"> {note}</span>}
              </th>
              <td>
                <svg
                  class={`span ${state}`}
                  viewBox={`0 0 ${WIDTH} 14`}
                  preserveAspectRatio="none"
                  height="14"
                  aria-hidden="true"
                >
                  <rect class="ground" width={WIDTH} height="14" />
                  <rect
                    x={Math.min(x(fromMs), WIDTH - 4)}
                    y="2"
                    height="10"
                    width={Math.max(4, x(fromMs + durationMs) - x(fromMs))}
                  />
                </svg>
              </td>
              <td class="number">{single("ms", fromMs)}</td>
              <td class="number">{durationMs === 0 ? "" : single("ms", durationMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  )
}
