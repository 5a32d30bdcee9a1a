import type { VNode } from "preact"
import type { BarChart } from "../../reports/pages/block.ts"
import { scaleOf } from "./format.ts"

/** Bars that are their own table. */
export function BarsView({ block }: { readonly block: BarChart }): VNode {
  const { bars, kind } = block
  if (bars.length === 0) return <p class="empty">Nothing happened in this range.</p>
  const values = bars.map(({ value }) => value)
  const { unit, text } = scaleOf(kind, values)
  const most = Math.max(1, ...values.map((value) => Math.abs(Number(value ?? 0))))
  return (
    <figure aria-label={block.title}>
      <table class="bars">
        <caption class="visually-hidden">{block.title}</caption>
        <thead class="visually-hidden">
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Value{unit === "" ? "" : ` (${unit})`}</th>
          </tr>
        </thead>
        <tbody>
          {bars.map(({ name, value, isRest }) => (
            <tr key={name}>
              <th scope="row" title={name}>
                {name}
              </th>
              <td>
                <span class="track">
                  <span
                    class={isRest === true ? "bar rest" : "bar"}
                    style={{ width: `${(Math.abs(Number(value ?? 0)) / most) * 100}%` }}
                  />
                </span>
                <span class="figure">{text(value)}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  )
}
