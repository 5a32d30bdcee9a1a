/** An upstream's whole answer. */

import type { Block } from "../../canonical/block.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Extra } from "../../canonical/origin.ts"
import { settleStop } from "../../canonical/stop.ts"
import type { ReadReply, ReplyContext } from "../codec.ts"
import { readNoReply } from "./failure.ts"
import { readBlock } from "./read-block.ts"
import { readStop } from "./stop.ts"
import { readCanonicalUsage } from "./usage.ts"
import { DIALECT, isAbsent, isList, objectField, textField } from "./wire.ts"

/** Never throws. */
export function readReply(body: JsonValue | undefined, context: ReplyContext): ReadReply {
  const said = isObject(body) ? body["content"] : undefined
  // some servers give the text alone
  const content: JsonValue | undefined = typeof said === "string" ? [{ type: "text", text: said }] : said
  if (!isObject(body) || body["type"] === "error" || !isList(content)) return { failure: readNoReply(body) }
  const blocks: readonly Block[] = content.filter(isObject).flatMap((value) => readBlock(value, context) ?? [])
  const usage = objectField(body, "usage") ?? undefined
  const model = textField(body, "model") ?? ""
  const tier = textField(usage ?? {}, "service_tier")
  const sawToolCall = blocks.some((block) => block.type === "tool-call")
  const reply = {
    id: textField(body, "id") ?? "",
    model,
    created: null,
    blocks,
    stop: settleStop(readStop(body), sawToolCall),
    usage: readCanonicalUsage(usage, model, "provider"),
    ...(tier === null ? {} : { serviceTier: tier }),
    ...replyExtra(body),
  }
  return { reply, losses: [] }
}

const MEANINGFUL: readonly string[] = ["container", "context_management"]

/** What changes the meaning of the answer; `holder` is a message, a `message_delta` or its `delta`. */
export function replyExtra(...holders: readonly JsonObject[]): { readonly extra?: Extra } {
  const fields: Record<string, JsonValue> = {}
  for (const holder of holders) {
    for (const key of MEANINGFUL) {
      const value = holder[key]
      if (!isAbsent(value)) fields[key] = value
    }
  }
  return Object.keys(fields).length === 0 ? {} : { extra: { dialect: DIALECT, fields } }
}
