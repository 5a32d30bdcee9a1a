import type { VNode } from "preact"
import type { Tile, TilesBlock } from "../../reports/pages/block.ts"
import { changeOf, scaleOf, signedText, single } from "./format.ts"

export function TilesView({ block }: { readonly block: TilesBlock }): VNode {
  return (
    <dl class="tiles-row">
      {block.tiles.map((tile) => (
        <TileView key={tile.id} tile={tile} />
      ))}
    </dl>
  )
}

function TileView({ tile }: { readonly tile: Tile }): VNode {
  const { title, kind, value, before, good, note } = tile
  const change = changeOf(value, before)
  const direction =
    change === null || Math.abs(change) < 0.05 || good === undefined
      ? ""
      : change > 0 === (good === "more")
        ? " better"
        : " worse"
  const { unit, text } = scaleOf(kind, [value])
  return (
    <div class="tile">
      <dt>{title}</dt>
      <dd class="value">
        {text(value)}
        {value !== null && unit !== "" && <span class="unit"> {unit}</span>}
      </dd>
      {before !== undefined && (
        <dd class={`change${direction}`}>
          {change === null ? (
            "nothing to compare with"
          ) : (
            <>
              {signedText(change)} <span class="before">from {single(kind, before)}</span>
            </>
          )}
        </dd>
      )}
      {note !== undefined && <dd class="change">{note}</dd>}
    </div>
  )
}
