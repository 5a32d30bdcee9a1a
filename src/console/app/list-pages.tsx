import type { VNode } from "preact"
import type { TableBlock } from "../../reports/pages/block.ts"
import { Link } from "./link.tsx"
import { addressOf, changeLocation, go, type Place } from "./location.ts"

interface PagesProps {
  readonly block: TableBlock
  readonly place: Place
}

/** Of lists that the router sorts and pages. */
export function ListPages({ block, place }: PagesProps): VNode {
  const { path, parameters } = place
  const to = (changes: Readonly<Record<string, string | null>>): string =>
    addressOf(path, changeLocation(parameters, changes))
  return (
    <nav class="pager" aria-label={`Pages of ${block.title}`}>
      {block.order !== undefined && (
        <label>
          Order{" "}
          <select
            value={block.order.by}
            onChange={(event) => go(to({ sort: event.currentTarget.value, cursor: null }))}
          >
            {block.order.choices.map(({ by, title }) => (
              <option key={by} value={by}>
                {title}
              </option>
            ))}
          </select>
        </label>
      )}
      {parameters.has("cursor") && <Link to={to({ cursor: null })}>To the first page</Link>}
      {block.next !== null && block.next !== undefined && <Link to={to({ cursor: block.next })}>Next page</Link>}
      {block.next === null && block.rows.length > 0 && <span>These are the last.</span>}
    </nav>
  )
}
