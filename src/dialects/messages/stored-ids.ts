/** Messages: threads, containers of the code execution tool, and files. */
import { KEY } from "../../json/watched-names.ts"
import { elementsOf, idsAt, type IdPlace, type Nested } from "../id-places.ts"
import { asArray, asObject, asString, type Loose } from "../loose.ts"
import { hasMember, holdsAny, memberMentions, mentions, type StoredId, type StoredIds } from "../stored-ids.ts"

const RETURNED = [Buffer.from('"file_id"'), Buffer.from('"container"')]

const COMPARED = Buffer.from("previous_message_id")

/** A member of `thread` that is a text is an id, but for its kind: `{type: "create"}` names nothing. */
const isNoType = (_: Loose, name: string): boolean => name !== "type"
const isUpload = ({ type }: Loose): boolean => type === "container_upload"

const BLOCKS = ["system[+]", "messages[].content[+]"]
const PLACES: readonly IdPlace[] = [
  { at: "thread", names: "a thread", binding: "refuse", kind: "thread" },
  { at: "thread{}", names: "a thread, or a message of it", binding: "refuse", kind: "thread", where: isNoType },
  { at: "container", names: "a container", binding: "refuse", kind: "container" },
  { at: "container.id", names: "a container", binding: "refuse", kind: "container" },
  ...BLOCKS.flatMap((blocks): IdPlace[] => [
    { at: `${blocks}.source.file_id`, names: "an uploaded file", binding: "refuse", kind: "file" },
    {
      at: `${blocks}.file_id`,
      names: "an uploaded file",
      binding: "refuse",
      kind: "file",
      where: isUpload,
      condition: "of a `container_upload`",
    },
  ]),
  { at: "diagnostics.previous_message_id", names: "an answer to compare with", binding: "hint", kind: "message" },
  { at: "container.skills[].skill_id", names: "a skill", binding: "account", kind: null },
  { at: "messages[].content[].id", names: "a step of a tool", binding: "request", kind: null },
  { at: "messages[].content[].tool_use_id", names: "a step of a tool", binding: "request", kind: null },
  { at: "metadata.user_id", names: "the end user, for the provider's own checks", binding: "request", kind: null },
]

export const storedIds: StoredIds = {
  places: PLACES,
  mayHold: (body) =>
    hasMember(body, "thread") ||
    hasMember(body, "container") ||
    memberMentions(body, "diagnostics", COMPARED) ||
    mentions(body, ["messages", "system", "thread", "container"], KEY.fileId),
  held: (body) => idsAt(body, PLACES, nestedBlocks),
  isKept: (body) => hasMember(body, "thread") || hasMember(body, "diagnostics"),
  mayReturn: (bytes) => holdsAny(bytes, RETURNED),
  returned: (answer, isKept) => {
    const found: StoredId[] = []
    const id = asString(answer["id"])
    if (isKept && id !== null) found.push({ kind: "thread", id }, { kind: "message", id })
    const thread = asString(asObject(answer["thread"])?.["id"])
    if (thread !== null) found.push({ kind: "thread", id: thread })
    const container = asString(asObject(answer["container"])?.["id"])
    if (container !== null) found.push({ kind: "container", id: container })
    for (const block of asArray(answer["content"])) takeResult(asObject(block), found)
    return found
  },
}

/** Sources of documents hold blocks of their own, and so do results of tools. */
function nestedBlocks(block: Loose): readonly Nested[] {
  const inSource = elementsOf(asObject(block["source"])?.["content"], "source.content")
  return block["type"] === "tool_result" ? [...inSource, ...elementsOf(block["content"], "content")] : inSource
}

/** Results of code execution list the files that it made. */
function takeResult(block: Loose | null, found: StoredId[]): void {
  if (!(asString(block?.["type"]) ?? "").endsWith("_tool_result")) return
  const outputs = asArray(asObject(block?.["content"])?.["content"])
  for (const output of outputs) {
    const id = asString(asObject(output)?.["file_id"])
    if (id !== null) found.push({ kind: "file", id })
  }
}
