import type { VNode } from "preact"
import type { Facts } from "../../reports/pages/block.ts"
import { ValueView } from "./value-view.tsx"
import { single } from "./format.ts"

export function FactsView({ block, zone }: { readonly block: Facts; readonly zone: string }): VNode {
  return (
    <dl class="fact-list">
      {block.facts.map(({ name, kind, value, note }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <ValueView kind={kind} value={value} zone={zone} text={(each) => single(kind, each)} />
            {note !== undefined && <span class="note"> {note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  )
}
