import type { VNode } from "preact"
import type { Block, PageAnswer } from "../../reports/pages/block.ts"
import { AlertsView } from "./alerts-view.tsx"
import { BarsView } from "./bars-view.tsx"
import { FactsView } from "./facts-view.tsx"
import { FlowView } from "./flow-view.tsx"
import { HistogramView } from "./histogram-view.tsx"
import type { Place } from "./location.ts"
import { TableView } from "./table-view.tsx"
import { TilesView } from "./tiles-view.tsx"
import { TimeChartView } from "./time-chart-view.tsx"
import { TimelineView } from "./timeline-view.tsx"

export interface BlockProps<Shown extends Block> {
  readonly block: Shown
  readonly answer: PageAnswer
  readonly place: Place
}

export function BlockView({ block, answer, place }: BlockProps<Block>): VNode {
  const half = block.half === true ? " half" : ""
  return (
    <section class={`block ${block.show}${half}`} aria-labelledby={`${block.id}-title`}>
      <h2 id={`${block.id}-title`}>{block.title}</h2>
      <Inside block={block} answer={answer} place={place} />
      {block.note !== undefined && <p class="note">{block.note}</p>}
    </section>
  )
}

function Inside({ block, answer, place }: BlockProps<Block>): VNode {
  switch (block.show) {
    case "tiles":
      return <TilesView block={block} />
    case "table":
      return <TableView block={block} answer={answer} place={place} />
    case "chart":
      return <TimeChartView block={block} answer={answer} place={place} />
    case "bars":
      return <BarsView block={block} />
    case "histogram":
      return <HistogramView block={block} />
    case "flow":
      return <FlowView block={block} />
    case "timeline":
      return <TimelineView block={block} />
    case "facts":
      return <FactsView block={block} zone={answer.zone} />
    case "alerts":
      return <AlertsView block={block} />
    case "missing":
      return <p class="empty">{block.reason}</p>
  }
}
