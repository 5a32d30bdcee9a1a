import type { VNode } from "preact"
import type { Alerts } from "../../reports/pages/block.ts"
import { Link } from "./link.tsx"
import { BASE } from "./location.ts"
import { StateMark } from "./state-mark.tsx"

export function AlertsView({ block }: { readonly block: Alerts }): VNode {
  if (block.alerts.length === 0)
    return (
      <p class="well">
        <StateMark state="ok" /> {block.allIsWell}
      </p>
    )
  return (
    <ul class="alert-list">
      {block.alerts.map(({ state, text, link }) => (
        <li key={text}>
          <StateMark state={state} /> <span>{text}</span>{" "}
          {link !== undefined && <Link to={`${BASE}/${link}`}>Look</Link>}
        </li>
      ))}
    </ul>
  )
}
