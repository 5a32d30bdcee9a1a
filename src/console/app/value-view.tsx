import type { VNode } from "preact"
import type { Column, Kind, Value } from "../../reports/pages/block.ts"
import { shortId, slotText, timeText, UNKNOWN, utcText } from "./format.ts"
import { Link } from "./link.tsx"
import { addressOf } from "./location.ts"
import { StateMark } from "./state-mark.tsx"

interface ValueProps {
  readonly kind: Kind
  readonly value: Value
  readonly zone: string
  readonly precision?: Column["precision"]
  /** Of kinds that have a unit. */
  readonly text: (value: Value) => string
}

export function ValueView({ kind, value, zone, precision, text }: ValueProps): VNode {
  if (value === null) return <span title="not known">{UNKNOWN}</span>
  if (kind === "time") {
    const ms = Number(value)
    return (
      <time dateTime={new Date(ms).toISOString()} title={utcText(ms)}>
        {precision === undefined || precision === "minute"
          ? timeText(ms, zone, precision === undefined)
          : slotText(ms, precision, zone)}
      </time>
    )
  }
  if (kind === "call")
    return (
      <Link
        to={addressOf(["calls", String(value)], new URLSearchParams({ tz: zone }))}
        class="code"
        title={String(value)}
      >
        {shortId(String(value))}
      </Link>
    )
  if (kind === "state") {
    const [state = "", words = ""] = String(value).split(/: ?(.*)/s)
    return (
      <span class="state">
        <StateMark state={state} /> {words === "" ? state : words}
      </span>
    )
  }
  return <>{text(value)}</>
}
