/** `server.responses.model_identity: requested_group`: no answer names the upstream's model, but the one that was asked for. */
import { ModelName } from "../dialects/model-name.ts"
import { isLargeAnswer } from "./apart/large.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import type { Writer } from "./message.ts"

/** The name that answers carry; null: the upstream's own. */
export function shownModel({ snapshot, facts, group }: Call): string | null {
  return snapshot.showsRequestedModel ? (facts.model ?? group?.name ?? null) : null
}

/** A whole answer whose bytes pass. At once where it is small. */
export function renamed(bytes: Uint8Array, call: Call, { apart }: Gateway): Uint8Array | Promise<Uint8Array> {
  const name = shownModel(call)
  if (name === null) return bytes
  return isLargeAnswer(bytes) ? apart.run("rename", call.callerId, [bytes], name) : new ModelName(name).body(bytes)
}

/** An upstream's words about the request: wherever they name its model, they name the one that was asked for. */
export function renamedRefusal(
  bytes: Uint8Array,
  call: Call,
  model: string = call.current?.target.model ?? "",
): Uint8Array {
  const name = shownModel(call)
  if (name === null || model === "") return bytes
  const text = Buffer.from(bytes).toString()
  return text.includes(model) ? Buffer.from(text.replaceAll(model, JSON.stringify(name).slice(1, -1))) : bytes
}

/** Whole frames pass through it. */
export function renamingWriter(writer: Writer, call: Call): Writer {
  const shown = shownModel(call)
  if (shown === null) return writer
  const name = new ModelName(shown)
  return {
    write: (bytes) => writer.write(name.frames(bytes)),
    isFull: () => writer.isFull(),
    drained: () => writer.drained(),
  }
}
