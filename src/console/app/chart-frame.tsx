/** What all charts share: a named figure of the width there is, a cursor that follows pointer and arrow keys, its table. */
import type { ComponentChildren, TargetedKeyboardEvent, TargetedPointerEvent, VNode } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import type { TableBlock } from "../../reports/pages/block.ts"
import { addressOf, changeLocation, go, usePlace } from "./location.ts"
import { TableOf } from "./table-view.tsx"

export interface Plot {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

interface ChartFrameProps {
  readonly id: string
  readonly title: string
  readonly height: number
  /** How many places the cursor has. */
  readonly count: number
  /** The place that is nearest to a distance from the left edge. */
  readonly nearest: (x: number, plot: Plot) => number
  /** A place in words. */
  readonly describe: (index: number) => string
  readonly draw: (plot: Plot, cursor: number | null) => ComponentChildren
  readonly legend?: (cursor: number | null) => ComponentChildren
  readonly table: TableBlock
  readonly zone: string
}

const FIRST_WIDTH = 640
const LEFT = 58
const RIGHT = 14

export function ChartFrame(props: ChartFrameProps): VNode {
  const { id, title, height, count, nearest, describe, draw, legend } = props
  const [cursor, setCursor] = useState<number | null>(null)
  const [frame, width] = useWidth()
  const plot = { width, height, left: LEFT, right: width - RIGHT, top: 10, bottom: height - 26 }
  const at = cursor === null || cursor >= count ? null : cursor
  const moved = (event: TargetedPointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect()
    setCursor(nearest(((event.clientX - box.left) / box.width) * width, plot))
  }
  const pressed = (event: TargetedKeyboardEvent<SVGSVGElement>): void => {
    const next = stepped(event.key, at, count)
    if (next === undefined) return
    event.preventDefault()
    setCursor(next)
  }
  return (
    <figure ref={frame} aria-label={title}>
      <svg
        class="plot"
        viewBox={`0 0 ${width} ${height}`}
        height={height}
        role="img"
        tabindex={0}
        aria-label={`${title}. Arrow keys read out the values; the table below has all of them.`}
        onPointerMove={moved}
        onPointerDown={moved}
        onPointerLeave={() => setCursor(null)}
        onKeyDown={pressed}
        onBlur={() => setCursor(null)}
      >
        {draw(plot, at)}
      </svg>
      <p class="visually-hidden" aria-live="polite">
        {at === null ? "" : describe(at)}
      </p>
      {legend !== undefined && legend(at)}
      <ChartTable id={id} title={title} table={props.table} zone={props.zone} />
    </figure>
  )
}

/** Undefined: the key means nothing here. */
function stepped(key: string, at: number | null, count: number): number | null | undefined {
  if (count === 0) return undefined
  if (key === "ArrowRight") return at === null ? 0 : Math.min(count - 1, at + 1)
  if (key === "ArrowLeft") return at === null ? count - 1 : Math.max(0, at - 1)
  if (key === "Home") return 0
  if (key === "End") return count - 1
  return key === "Escape" ? null : undefined
}

function useWidth(): [{ current: HTMLElement | null }, number] {
  const frame = useRef<HTMLElement>(null)
  const [width, setWidth] = useState(FIRST_WIDTH)
  useEffect(() => {
    const element = frame.current
    if (element === null) return
    const measured = (): void => setWidth(Math.max(280, Math.round(element.clientWidth)))
    const observer = new ResizeObserver(measured)
    observer.observe(element)
    measured()
    return () => observer.disconnect()
  }, [])
  return [frame, width]
}

interface ChartTableProps {
  readonly id: string
  readonly title: string
  readonly table: TableBlock
  readonly zone: string
}

/** Closed by default, and not in the page while it is. */
export function ChartTable({ id, title, table, zone }: ChartTableProps): VNode {
  const { path, parameters } = usePlace()
  const name = `${id}.data`
  const isOpen = parameters.has(name)
  return (
    <div class="chart-table">
      <button
        type="button"
        class="quiet"
        aria-expanded={isOpen}
        onClick={() => go(addressOf(path, changeLocation(parameters, { [name]: isOpen ? null : "open" })), true)}
      >
        {isOpen ? "Hide the table" : "Show the table"}
        <span class="visually-hidden"> of {title}</span>
      </button>
      {isOpen && <TableOf block={table} zone={zone} />}
    </div>
  )
}
