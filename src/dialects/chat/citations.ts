/** `annotations` of a message: offsets count from the beginning of its whole text, canonical ones from their block's. */

import type { Citation } from "../../canonical/block.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import { numberOf, objectOf, wordsOf } from "./wire.ts"

/** null for what is no object. `base`: length of the text before the block. */
export function readCitation(value: JsonValue, base: number): Citation | null {
  const annotation = objectOf(value)
  if (annotation === undefined) return null
  const cited = objectOf(annotation["url_citation"])
  const url = wordsOf(cited?.["url"])
  if (annotation["type"] !== "url_citation" || cited === undefined || url === undefined) {
    return { kind: "raw", dialect: "chat", raw: annotation }
  }
  return {
    kind: "url",
    url,
    title: wordsOf(cited["title"]) ?? null,
    start: offset(numberOf(cited["start_index"]), base),
    end: offset(numberOf(cited["end_index"]), base),
    citedText: wordsOf(cited["content"]) ?? null,
  }
}

function offset(value: number | undefined, base: number): number | null {
  return value === undefined ? null : Math.max(0, value - base)
}

/** null, with a loss, for what only another dialect can say. A citation of a whole block covers `length` from `base`. */
export function writeCitation(
  citation: Citation,
  base: number,
  length: number,
  losses: Losses,
  path: string,
): JsonObject | null {
  if (citation.kind === "raw") {
    if (citation.dialect === "chat") return citation.raw
    losses.add("reply-citations", path)
    return null
  }
  if (citation.extra !== undefined && citation.extra.dialect !== "chat") losses.add("reply-field", path)
  return {
    type: "url_citation",
    url_citation: {
      url: citation.url,
      title: citation.title ?? "",
      start_index: base + (citation.start ?? 0),
      end_index: base + (citation.end ?? length),
      ...(citation.citedText === null ? {} : { content: citation.citedText }),
    },
  }
}
