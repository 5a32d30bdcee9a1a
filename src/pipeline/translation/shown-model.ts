/** `server.responses.model_identity: requested_group`: no answer names the upstream's model, but the one that was asked for. */
import { ModelName } from "../../dialects/model-name.ts"
import { isLargeAnswer } from "../apart/large.ts"
import type { Call } from "../call.ts"
import type { Gateway } from "../gateway.ts"

/** The name that answers carry; null: the upstream's own. */
export function shownModel({ snapshot, facts, group }: Pick<Call, "snapshot" | "facts" | "group">): string | null {
  return snapshot.showsRequestedModel ? (facts.model ?? group?.name ?? null) : null
}

/** A whole answer whose bytes pass, for a caller. At once where it is small. `name`: null: the bytes stay. */
export function renameReply(
  bytes: Uint8Array,
  name: string | null,
  callerId: string,
  { apart }: Pick<Gateway, "apart">,
): Uint8Array | Promise<Uint8Array> {
  if (name === null) return bytes
  return isLargeAnswer(bytes.length) ? apart.run("rename", callerId, [bytes], name) : new ModelName(name).body(bytes)
}

/** An upstream's words about the request: wherever they name its model, they name the one that was asked for. */
export function renameRefusal(bytes: Uint8Array, name: string | null, model: string): Uint8Array {
  if (name === null || model === "") return bytes
  const text = Buffer.from(bytes).toString()
  return text.includes(model) ? Buffer.from(text.replaceAll(model, JSON.stringify(name).slice(1, -1))) : bytes
}
