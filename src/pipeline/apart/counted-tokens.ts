/** About how many tokens a request has. */
import { isObject, type JsonValue } from "../../canonical/json.ts"
import { estimateInputTokens } from "../../dialects/messages/token-estimate.ts"

/** As Messages counts them; null: the body holds no list of messages. */
export function countedTokens(bytes: Uint8Array): number | null {
  const body = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()) as JsonValue
  return isObject(body) && Array.isArray(body["messages"]) ? estimateInputTokens(body) : null
}
