/** Citations: web search results are the one kind that other dialects know too. */

import type { Citation } from "../../canonical/block.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import { ENVELOPE_PREFIX, isEnvelope } from "../../canonical/seal.ts"
import { DIALECT, extraOf, ownFields, textField } from "./wire.ts"

const KNOWN: ReadonlySet<string> = new Set(["type", "url", "title", "cited_text"])

/**
 * Stands for the `encrypted_index` of a citation that Anthropic did not make. The prefix of envelopes keeps it from
 * being sent to a vendor who would refuse it.
 */
export const FOREIGN_INDEX: string = `${ENVELOPE_PREFIX}citation`

export function readCitation(value: JsonObject): Citation {
  const url = textField(value, "url")
  if (value["type"] !== "web_search_result_location" || url === null) {
    return { kind: "raw", dialect: DIALECT, raw: value }
  }
  const isForeign = isEnvelope(textField(value, "encrypted_index") ?? "")
  return {
    kind: "url",
    url,
    title: textField(value, "title"),
    start: null,
    end: null,
    citedText: textField(value, "cited_text"),
    ...(isForeign ? {} : extraOf(value, KNOWN)),
  }
}

export function readCitations(values: readonly JsonValue[]): readonly Citation[] {
  return values.filter(isObject).map(readCitation)
}

/** For a request: null where Anthropic would refuse it, as it did not make it itself. */
export function writeCitation(citation: Citation): JsonObject | null {
  if (citation.kind === "raw") return citation.dialect === DIALECT ? citation.raw : null
  const index = ownFields(citation.extra)["encrypted_index"]
  if (typeof index !== "string" || index === "" || isEnvelope(index)) return null
  return located(citation, ownFields(citation.extra))
}

/** For a client; null, with a loss, where it has no form here. A place inside of the text cannot be said. */
export function writeReplyCitation(citation: Citation, losses: Losses, path: string): JsonObject | null {
  if (citation.kind === "raw") {
    if (citation.dialect === DIALECT) return citation.raw
    losses.add("reply-citations", path)
    return null
  }
  if (citation.start !== null || citation.end !== null) losses.add("reply-citations", path)
  return located(citation, { encrypted_index: FOREIGN_INDEX, ...ownFields(citation.extra) })
}

function located(citation: Extract<Citation, { kind: "url" }>, fields: JsonObject): JsonObject {
  const { url, title, citedText } = citation
  return { type: "web_search_result_location", url, title, cited_text: citedText ?? "", ...fields }
}
