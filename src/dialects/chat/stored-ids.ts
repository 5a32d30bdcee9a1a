/** Chat Completions keeps no conversation; its messages may point at uploaded files and at sound that a model made. */
import { KEY } from "../../json/watched-names.ts"
import { idsAt, type IdPlace } from "../id-places.ts"
import { asArray, asObject, asString } from "../loose.ts"
import { holdsAny, mentions, type StoredIds } from "../stored-ids.ts"

const PLACES: readonly IdPlace[] = [
  { at: "messages[].content[].file.file_id", names: "an uploaded file", binding: "refuse", kind: "file" },
  { at: "messages[].audio.id", names: "sound of an earlier answer", binding: "refuse", kind: "audio" },
  { at: "messages[].tool_calls[].id", names: "a call of a tool", binding: "request", kind: null },
  { at: "messages[].tool_call_id", names: "a call of a tool", binding: "request", kind: null },
  { at: "prompt_cache_key", names: "where the provider looks for a cached prefix", binding: "account", kind: null },
]
const RETURNED = [Buffer.from('"audio"')]

export const storedIds: StoredIds = {
  places: PLACES,
  mayHold: (body) => mentions(body, ["messages"], KEY.fileId | KEY.audio),
  held: (body) => idsAt(body, PLACES, () => []),
  isKept: () => false,
  mayReturn: (bytes) => holdsAny(bytes, RETURNED),
  returned: (answer) =>
    asArray(answer["choices"]).flatMap((choice) => {
      const id = asString(asObject(asObject(asObject(choice)?.["message"])?.["audio"])?.["id"])
      return id === null ? [] : [{ kind: "audio" as const, id }]
    }),
}
